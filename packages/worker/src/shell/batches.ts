/**
 * Leaves as batches for the engine: the plan says which samples, the cache or the disk gives them, and what comes
 * next is made ready while the engine computes. Which samples a leaf holds never depends on what was made ahead.
 */
import {
  type DataFile,
  filesOf,
  type LoadedSample,
  type Sample,
  type SampleBatch,
  type SampleCache,
} from '@unet-fleet/dataset';
import {
  epochOrder,
  leavesOf,
  numSteps,
  numValidationLeaves,
  type PlanConfig,
  placeOf,
  type StepPlan,
  stepPlan,
  type TreeNode,
  trainLeafSamples,
  type Version,
  validationLeafSamples,
} from '@unet-fleet/law';
import type { Batch, TrainBatch } from '../engine/types.ts';

export interface BatchesOptions {
  plan: PlanConfig;
  train: Sample[];
  validation: Sample[];
  cache: SampleCache;
  load(sample: Sample): Promise<LoadedSample>;
  /** Joins samples. What it gives is used up by the engine. */
  join(samples: LoadedSample[]): SampleBatch | Promise<SampleBatch>;
  /** Files that will probably be loaded, in this order: the next batches ahead, as getting them may take a while. */
  prefetch?(files: DataFile[]): void;
}

/** Samples whose files are fetched ahead of need. */
const numSamplesAhead = 64;
/**
 * Leaves whose batches are made ahead of need: while one is computed the next is ready, and the one after it is decoded,
 * so that a photo that takes longer than others is waited for by nobody.
 */
const numLeavesAhead = 2;

/** A leaf as its batch is asked for. */
interface Leaf {
  key: string;
  samples: Sample[];
}

export class Batches {
  readonly #options: BatchesOptions;
  readonly #orders = new Map<number, Uint32Array>();
  /** Loads under way, by sample id: a prefetch and a request share one. */
  readonly #loading = new Map<string, Promise<LoadedSample>>();
  /** Batches made ahead, by leaf, each of which is handed out once; those that were not wanted make room for later ones. */
  readonly #ahead = new Map<string, Promise<Batch>>();

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  async train(step: StepPlan, leaf: number): Promise<TrainBatch> {
    const batch = await this.#take(this.#trainLeaf(step, leaf));
    return { ...batch, place: placeOf(this.#options.plan, step.version, leaf) };
  }

  validation(leaf: number): Promise<Batch> {
    return this.#take(this.#validationLeaf(leaf));
  }

  /**
   * Begins to make what this worker will probably be asked for after `leaf`: the rest of its lease, and the same leaves
   * of the next steps.
   */
  expectTrain(version: Version, nodes: TreeNode[], leaf: number): void {
    this.#prepare(this.#trainLeavesAfter(version, nodes, leaf, ({ length }) => length < numLeavesAhead));
  }

  /** In the order in which they will be asked for, while `wantsMore` of those that there are. */
  #trainLeavesAfter(
    version: Version,
    nodes: TreeNode[],
    leaf: number,
    wantsMore: (leaves: Leaf[]) => boolean,
  ): Leaf[] {
    const { plan } = this.#options;
    const leaves: Leaf[] = [];
    for (let next = version; next < numSteps(plan); next++) {
      const step = stepPlan(plan, next);
      for (const own of nodes.flatMap((node) => leavesOf(node, step.numLeaves))) {
        if (next === version && own <= leaf) continue;
        if (!wantsMore(leaves)) return leaves;
        leaves.push(this.#trainLeaf(step, own));
      }
    }
    return leaves;
  }

  /** Begins to fetch the files of what this worker will probably be asked for after `leaf`, over the next steps. */
  expectFiles(version: Version, nodes: TreeNode[], leaf: number): void {
    if (!this.#options.prefetch) return;
    let numSamples = 0;
    const ahead = this.#trainLeavesAfter(version, nodes, leaf, (leaves) => {
      numSamples += leaves.at(-1)?.samples.length ?? 0;
      return numSamples < numSamplesAhead;
    });
    this.#prefetchFiles(ahead.flatMap(({ samples }) => samples));
  }

  /** The same in a validation: the leaves that come next, whoever gets them. */
  expectValidationFiles(leaf: number): void {
    const { plan, prefetch } = this.#options;
    if (!prefetch) return;
    const numAhead = Math.ceil(numSamplesAhead / plan.leafSize);
    const end = Math.min(numValidationLeaves(plan), leaf + 1 + numAhead);
    const leaves = Array.from({ length: Math.max(0, end - leaf - 1) }, (_, i) => leaf + 1 + i);
    this.#prefetchFiles(leaves.flatMap((other) => this.#validationLeaf(other).samples));
  }

  #prefetchFiles(samples: Sample[]): void {
    const missing = samples.filter(({ id }) => !this.#options.cache.get(id) && !this.#loading.has(id));
    this.#options.prefetch?.(missing.slice(0, numSamplesAhead).flatMap(filesOf));
  }

  expectValidation(leaf: number): void {
    if (leaf < numValidationLeaves(this.#options.plan)) this.#prepare([this.#validationLeaf(leaf)]);
  }

  #trainLeaf(step: StepPlan, leaf: number): Leaf {
    const { plan, train } = this.#options;
    const places = trainLeafSamples(plan, this.#order(step.epoch), step, leaf);
    return { key: `step ${step.version}, leaf ${leaf}`, samples: places.map((index) => train[index]!) };
  }

  #validationLeaf(leaf: number): Leaf {
    const { plan, validation } = this.#options;
    const places = validationLeafSamples(plan, leaf);
    return { key: `validation, leaf ${leaf}`, samples: places.map((index) => validation[index]!) };
  }

  /** The orders of this epoch and the next are kept; each is made once. */
  #order(epoch: number): Uint32Array {
    let order = this.#orders.get(epoch);
    if (!order) {
      for (const old of this.#orders.keys()) if (old < epoch - 1) this.#orders.delete(old);
      order = epochOrder(this.#options.plan, epoch);
      this.#orders.set(epoch, order);
    }
    return order;
  }

  #take(leaf: Leaf): Promise<Batch> {
    const made = this.#ahead.get(leaf.key);
    this.#ahead.delete(leaf.key);
    return made ?? this.#make(leaf);
  }

  async #make({ samples }: Leaf): Promise<Batch> {
    return this.#options.join(await Promise.all(samples.map((sample) => this.#load(sample))));
  }

  #prepare(leaves: Leaf[]): void {
    for (const leaf of leaves) {
      if (this.#ahead.has(leaf.key)) continue;
      const making = this.#make(leaf);
      this.#ahead.set(leaf.key, making);
      // What can't be loaded now is tried again, and reported, when its leaf is computed.
      making.catch(() => {
        if (this.#ahead.get(leaf.key) === making) this.#ahead.delete(leaf.key);
      });
    }
    const wanted = new Set(leaves.map(({ key }) => key));
    for (const key of this.#ahead.keys()) {
      if (this.#ahead.size <= numLeavesAhead) break;
      if (!wanted.has(key)) this.#ahead.delete(key);
    }
  }

  #load(sample: Sample): Promise<LoadedSample> {
    const { cache, load } = this.#options;
    const cached = cache.get(sample.id);
    if (cached) return Promise.resolve(cached);
    let loading = this.#loading.get(sample.id);
    if (!loading) {
      loading = load(sample).then((loaded) => {
        cache.set(sample.id, loaded);
        return loaded;
      });
      loading.finally(() => this.#loading.delete(sample.id)).catch(() => {});
      this.#loading.set(sample.id, loading);
    }
    return loading;
  }
}
