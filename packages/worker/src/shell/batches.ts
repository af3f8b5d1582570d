/**
 * Leaves as batches for the engine: the plan says which samples, the cache or the disk gives them, and what comes
 * next is decoded while the engine computes. Which samples a leaf holds never depends on what was prefetched.
 */
import {
  type DataFile,
  filesOf,
  type LoadedSample,
  type Sample,
  type SampleCache,
  toBatch,
} from '@unet-fleet/dataset';
import {
  epochOrder,
  firstLeaf,
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
  /** Files that will probably be loaded, in this order: the next batches ahead, as getting them may take a while. */
  prefetch?(files: DataFile[]): void;
}

/** Samples whose files are fetched ahead of need. */
const numSamplesAhead = 64;

export class Batches {
  readonly #options: BatchesOptions;
  readonly #orders = new Map<number, Uint32Array>();
  /** Loads under way, by sample id: a prefetch and a request share one. */
  readonly #loading = new Map<string, Promise<LoadedSample>>();

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  async train(step: StepPlan, leaf: number): Promise<TrainBatch> {
    const batch = await this.#batch(this.#trainSamples(step, leaf));
    return { ...batch, place: placeOf(this.#options.plan, step.version, leaf) };
  }

  validation(leaf: number): Promise<Batch> {
    return this.#batch(this.#validationSamples(leaf));
  }

  /**
   * Begins to load what this worker will probably be asked for after `leaf`: the rest of its lease, or the same leaves
   * of the next step.
   */
  expectTrain(version: Version, nodes: TreeNode[], leaf: number): void {
    this.#prefetch(this.#expected(version, nodes, leaf));
  }

  #expected(version: Version, nodes: TreeNode[], leaf: number): Sample[] {
    const { plan } = this.#options;
    const current = stepPlan(plan, version);
    const own = nodes.flatMap((node) => leavesOf(node, current.numLeaves));
    const rest = own.filter((other) => other > leaf);
    if (rest.length > 0) return this.#trainSamples(current, rest[0]!);
    if (version + 1 >= numSteps(plan)) return [];
    const next = stepPlan(plan, version + 1);
    const first = Math.min(...nodes.map(firstLeaf));
    return first < next.numLeaves ? this.#trainSamples(next, first) : [];
  }

  /** Begins to fetch the files of what this worker will probably be asked for after `leaf`, over the next steps. */
  expectFiles(version: Version, nodes: TreeNode[], leaf: number): void {
    const { plan, prefetch } = this.#options;
    if (!prefetch) return;
    const current = stepPlan(plan, version);
    const ahead = nodes
      .flatMap((node) => leavesOf(node, current.numLeaves))
      .filter((other) => other > leaf)
      .flatMap((other) => this.#trainSamples(current, other));
    for (let next = version + 1; ahead.length < numSamplesAhead && next < numSteps(plan); next++) {
      const later = stepPlan(plan, next);
      const own = nodes.flatMap((node) => leavesOf(node, later.numLeaves));
      ahead.push(...own.flatMap((other) => this.#trainSamples(later, other)));
    }
    this.#prefetchFiles(ahead);
  }

  /** The same in a validation: the leaves that come next, whoever gets them. */
  expectValidationFiles(leaf: number): void {
    const { plan, prefetch } = this.#options;
    if (!prefetch) return;
    const numAhead = Math.ceil(numSamplesAhead / plan.leafSize);
    const end = Math.min(numValidationLeaves(plan), leaf + 1 + numAhead);
    const leaves = Array.from({ length: Math.max(0, end - leaf - 1) }, (_, i) => leaf + 1 + i);
    this.#prefetchFiles(leaves.flatMap((other) => this.#validationSamples(other)));
  }

  #prefetchFiles(samples: Sample[]): void {
    const missing = samples.filter(({ id }) => !this.#options.cache.get(id) && !this.#loading.has(id));
    this.#options.prefetch?.(missing.slice(0, numSamplesAhead).flatMap(filesOf));
  }

  expectValidation(leaf: number): void {
    if (leaf < numValidationLeaves(this.#options.plan)) this.#prefetch(this.#validationSamples(leaf));
  }

  #trainSamples(step: StepPlan, leaf: number): Sample[] {
    const { plan, train } = this.#options;
    return trainLeafSamples(plan, this.#order(step.epoch), step, leaf).map((index) => train[index]!);
  }

  #validationSamples(leaf: number): Sample[] {
    const { plan, validation } = this.#options;
    return validationLeafSamples(plan, leaf).map((index) => validation[index]!);
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

  async #batch(samples: Sample[]): Promise<Batch> {
    return toBatch(await Promise.all(samples.map((sample) => this.#load(sample))));
  }

  #prefetch(samples: Sample[]): void {
    // A sample that can't be loaded is reported when its leaf is computed.
    for (const sample of samples) this.#load(sample).catch(() => {});
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
