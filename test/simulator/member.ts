/**
 * What a simulated worker computes with: the product's member over toy leaves and a toy engine, made anew for each
 * coordinator.
 */
import { type PlanConfig, placeOf, totalsOf, UserError, wireFormats } from '@unet-fleet/law';
import { pause } from '@unet-fleet/shared';
import { type BulkInbox, ShmInbox, ShmOutbox, type UpMessage, type Welcome } from '@unet-fleet/wire';
import { type LeafBatches, type LeafEngine, Member } from '@unet-fleet/worker/shell/member';
import { NodeComputer } from '@unet-fleet/worker/shell/nodes';
import { Weights } from '@unet-fleet/worker/shell/weights';
import type { Preparing } from '@unet-fleet/worker/shell/worker-shell';
import { NetworkInbox, NetworkOutbox } from './bulk.ts';
import type { Cluster } from './cluster.ts';
import { LookClock } from './look-clock.ts';
import { isFiniteLeaf, isFiniteSum } from './plans.ts';
import { reducerPeerOf } from './reducers.ts';
import {
  addendsOf,
  numClasses,
  numParameters,
  numStatistics,
  trainLeaf,
  validationLeaf,
  weightsKeyOf,
} from './toy.ts';
import type { WorkerProcess } from './worker.ts';

/** Slower is stopped, which is a trouble of its own. */
const slowestLeafMs = 30_000;
/** As tensors of one value and of two; a bucket of the toy's may hold parts of several. */
const parameters = [0, 1, 3, 4].map((offset) => ({ offset, size: offset === 1 ? 2 : 1 }));
const model = { numParameters, numStatistics, parameters };

export class ToyPreparation implements Preparing {
  welcome: Welcome | null = null;
  member: Member | null = null;
  readonly engine: ToyEngine;
  readonly #cluster: Cluster;
  readonly #worker: WorkerProcess;
  readonly #sharesMemory: boolean;
  #inbox: BulkInbox | null = null;
  #outbox: NetworkOutbox | ShmOutbox | null = null;

  constructor(cluster: Cluster, worker: WorkerProcess, sharesMemory: boolean) {
    this.#cluster = cluster;
    this.#worker = worker;
    this.#sharesMemory = sharesMemory;
    this.engine = new ToyEngine(cluster, worker);
  }

  get numOffers(): number {
    return this.#outbox?.numOffers ?? 0;
  }

  async prepare(): Promise<void> {
    const { random, reference, settings, memory, mutant } = this.#cluster;
    const { process } = this.#worker;
    const { term } = this.welcome!;
    const { plan, buckets, train } = reference.toy;
    const { gradients, weights } = wireFormats[train.wire];
    this.member = null;
    await pause(process, random.between(1, 60));
    await this.#inbox?.close();
    await this.#outbox?.close();
    this.#openBulk(term);
    const reducers = Array.from({ length: settings.numReducers }, (_, index) =>
      reducerPeerOf(this.#cluster, term, index),
    );
    this.member = new Member({
      term,
      plan,
      numClasses,
      retriesInFloat32: false,
      channels: 1,
      compute: this.engine,
      batches: batchesOf(plan, term),
      nodes: new (mutant?.nodes ?? NodeComputer)(model, {
        ...{ memory, buckets },
        format: gradients,
      }),
      weights: new (mutant?.weights ?? Weights)(model, this.#inbox!, term, reducers, weights, {
        buckets,
        memory,
        clock: new LookClock(process, this.#cluster.tmpfsOf(term)),
      }),
      outbox: this.#outbox!,
      maxMessageBytes: Number.POSITIVE_INFINITY,
    });
  }

  announcement({ term, sequence }: { term: number; sequence: number }): UpMessage {
    return {
      type: 'ready',
      term,
      sequence,
      name: this.#worker.name,
      fingerprint: { library: '', device: '', intraOpThreads: 1, precision: 'float32' },
      numSamples: 0,
      manifestSha256: '',
      sharesMemory: this.#sharesMemory,
    };
  }

  #openBulk(term: number): void {
    const { network, mutant } = this.#cluster;
    const { endpoint, workerId } = this.#worker;
    const tmpfs = this.#cluster.tmpfsOf(term);
    this.#inbox = this.#sharesMemory
      ? new (mutant?.sharedMemoryInbox ?? ShmInbox)('', 0, tmpfs)
      : new NetworkInbox(network, endpoint);
    this.#outbox = this.#sharesMemory
      ? new ShmOutbox('', 0, workerId, tmpfs)
      : new NetworkOutbox(network, endpoint, workerId);
  }
}

/** A leaf says which one it is, and for whom it is computed. */
function batchesOf(plan: PlanConfig, term: number): LeafBatches {
  const leaf = (version: number, index: number) => ({
    numImages: plan.leafSize,
    height: 1,
    width: 1,
    images: new Float32Array(),
    labels: Int32Array.of(term, version, index),
  });
  return {
    train: async ({ version }, index) => ({
      ...leaf(version, index),
      place: placeOf(plan, version, index),
    }),
    validation: async (index) => leaf(-1, index),
    expectTrain() {},
    expectFiles() {},
    expectValidation() {},
    expectValidationFiles() {},
  };
}

/** Computes a leaf in a while, with the weights that it was given. */
export class ToyEngine implements LeafEngine {
  /** Its data or its kernels can't be used. */
  isBroken = false;
  readonly #cluster: Cluster;
  readonly #worker: WorkerProcess;
  #weightsKey = 0;
  #isBusy = false;

  constructor(cluster: Cluster, worker: WorkerProcess) {
    this.#cluster = cluster;
    this.#worker = worker;
  }

  async setWeights(parameters: Float32Array, statistics: Float32Array): Promise<void> {
    this.#weightsKey = weightsKeyOf(parameters, statistics);
  }

  addendsOfLeaf: LeafEngine['addendsOfLeaf'] = async ({ labels }) => {
    const { version, leaf } = this.#leafOf(labels);
    const addends = addendsOf(this.#weightsKey, version, leaf);
    await this.#compute();
    return isFiniteSum(this.#cluster.reference.toy, version, leaf) ? addends : addends.fill(Number.NaN);
  };

  trainLeaf: LeafEngine['trainLeaf'] = async ({ labels }, gradients, statistics, onTensor, totals) => {
    const { version, leaf } = this.#leafOf(labels);
    const values = trainLeaf(this.#weightsKey, version, leaf, true, totals);
    const isUsable = isFiniteLeaf(this.#cluster.reference.toy, version, leaf);
    if (!isUsable) values.gradients[leaf % numParameters] = Number.NaN;
    if (onTensor) {
      // While it goes on, the last layers' gradients are complete, then others.
      await this.#compute(parameters.length, (part) => {
        const index = parameters.length - 1 - part;
        const { offset, size } = parameters[index]!;
        gradients.set(values.gradients.subarray(offset, offset + size), offset);
        onTensor(index);
      });
    } else {
      await this.#compute();
      gradients.set(values.gradients);
    }
    statistics.set(values.statistics);
    return values.sums;
  };

  evaluateLeaf: LeafEngine['evaluateLeaf'] = async ({ labels }, confusion) => {
    const [, version, leaf] = labels as unknown as [number, number, number];
    const { lossSum, weightSum, confusion: counts } = validationLeaf(this.#weightsKey, leaf);
    const addends = addendsOf(this.#weightsKey, version, leaf);
    await this.#compute();
    counts.forEach((count, cell) => {
      confusion[cell]! += count;
    });
    const hasTotals = totalsOf(this.#cluster.reference.toy.train.loss) !== null;
    const sums = hasTotals ? { lossSum: 0, weightSum: 0, addends } : { lossSum, weightSum };
    return { ...sums, pictures: [] };
  };

  predict: LeafEngine['predict'] = () => Promise.reject(new Error('there are no photos here'));

  /** Which leaf of a step it is. */
  #leafOf(labels: Int32Array): { version: number; leaf: number } {
    const [term, version, leaf] = labels as unknown as [number, number, number];
    if (this.#weightsKey !== this.#cluster.referenceOf(term).weightsKeys[version]) {
      const { workerId } = this.#worker;
      this.#cluster.violate('weights', `${workerId} computes with weights that are not version ${version}`);
    }
    return { version, leaf };
  }

  /** `onPart`: told of each part when it is done. */
  async #compute(numParts = 1, onPart: (part: number) => void = () => {}): Promise<void> {
    const { random, settings } = this.#cluster;
    const { process, slowness, workerId } = this.#worker;
    if (this.#isBusy) this.#cluster.violate('exceptions', `${workerId} computes two leaves at a time`);
    this.#isBusy = true;
    const drawnMs = random.between(settings.leastComputeMs, settings.mostComputeMs) * slowness;
    const computeMs = Math.min(drawnMs, slowestLeafMs);
    for (let part = 0; part < numParts; part++) {
      await pause(process, computeMs / numParts);
      onPart(part);
    }
    this.#isBusy = false;
    if (this.isBroken) throw new UserError('a photo cannot be read');
  }
}
