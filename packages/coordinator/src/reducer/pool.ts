/**
 * All reducers of a run as one: it deals the buckets out, and puts the reducers' answers together in the order of the
 * buckets, so that their number changes nothing.
 */
import { Worker } from 'node:worker_threads';
import type { UpdateScalars } from '@unet-fleet/numerics';
import {
  type ModelDescription,
  nodeKey,
  parameterBuckets,
  reducerOfBucket,
  statisticsBucketId,
  type TensorSpec,
  type TreeNode,
} from '@unet-fleet/shared';
import type { BucketHashes, BucketSquares, ModelState, StepUpdate } from './bucket-owner.ts';
import type { StepOwners } from './commit.ts';
import { errorOf } from './failure.ts';
import { combineDigests } from './hashing.ts';
import type { TensorPart } from './kept-gradient.ts';
import type {
  ReducerAnswer,
  ReducerCall,
  ReducerFault,
  ReducerThreadOptions,
  ReducerWait,
} from './protocol.ts';
import { mergeHistograms, type ValueHistogram } from './value-histogram.ts';

/** What was added up in a step, as hashes. */
export interface StepHashes {
  /** Of the root. */
  gradientSha256: string;
  nodes: DeliveredNode[];
}

export interface DeliveredNode {
  node: TreeNode;
  /** Null when some of its buckets were there already, as parts of another node that could not be fetched whole. */
  sha256: string | null;
  numBytes: number;
  /** Whose values were used: more than one when the first could not be fetched whole. */
  peers: string[];
}

export interface ReducerListener {
  /** Told of each frame of a worker that is none. */
  onFault(peer: string, what: string): void;
  /** Told of the reason when a reducer finds no broker and looks for it again. */
  onWait(reason: string): void;
}

const nobody: ReducerListener = { onFault: () => {}, onWait: () => {} };

class ReducerHandle {
  readonly #worker: Worker;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  /** Why the thread has ended; null while it runs. */
  #failure: Error | null = null;
  #nextId = 0;

  constructor(options: ReducerThreadOptions, listener: ReducerListener) {
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), { workerData: options });
    this.#worker.on('message', (answer: ReducerAnswer | ReducerFault | ReducerWait) => {
      if ('fault' in answer) {
        listener.onFault(answer.fault.peer, answer.fault.what);
        return;
      }
      if ('waits' in answer) {
        listener.onWait(answer.waits);
        return;
      }
      const call = this.#calls.get(answer.id);
      this.#calls.delete(answer.id);
      if (answer.ok) call?.resolve(answer.value);
      else call?.reject(errorOf(answer.failure));
    });
    const end = (error: Error) => {
      this.#failure ??= error;
      for (const { reject } of this.#calls.values()) reject(error);
      this.#calls.clear();
    };
    this.#worker.on('error', end);
    this.#worker.on('exit', () => end(new Error('a reducer thread ended')));
  }

  call(call: ReducerCall): Promise<unknown> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call });
    });
  }

  async close(): Promise<void> {
    if (this.#failure) return;
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    await this.call({ type: 'close' }).catch((error) => {
      // Ended by itself meanwhile: as good as closed, and its calls were told why.
      if (!this.#failure) throw error;
    });
    await ended;
  }
}

/** Who wants to know how gradients are spread. */
export interface GradientWatch {
  /** Asked before the commit that makes this version of the weights. */
  isWanted(version: number): boolean;
  onHistograms(histograms: GradientHistograms): void;
}

/** How the gradient of a step is spread, by tensor, before clipping. */
export interface GradientHistograms {
  /** From 1: the n-th commit of the run. */
  step: number;
  /** What was binned is the sum over the batch; times this it is the mean gradient. */
  scale: number;
  tensors: { name: string; histogram: ValueHistogram }[];
}

export class ReducerPool implements StepOwners {
  readonly #reducers: ReducerHandle[];
  readonly #tensors: readonly TensorSpec[];
  #watch: GradientWatch | null = null;

  constructor(
    options: Omit<ReducerThreadOptions, 'reducer' | 'buckets' | 'statistics'>,
    { numParameters, numStatistics, parameters }: ModelDescription,
    numReducers: number,
    listener: ReducerListener = nobody,
  ) {
    this.#tensors = parameters;
    const buckets = parameterBuckets(numParameters);
    const bucketId = statisticsBucketId(numParameters);
    this.#reducers = Array.from(
      { length: numReducers },
      (_, reducer) =>
        new ReducerHandle(
          {
            ...options,
            reducer,
            buckets: buckets.filter((bucket) => reducerOfBucket(bucket.id, numReducers) === reducer),
            statistics: reducer === 0 ? { bucketId, numStatistics } : null,
          },
          listener,
        ),
    );
  }

  get numReducers(): number {
    return this.#reducers.length;
  }

  /** Hands the state to the reducers, which offer it to workers as the weights of `version`. */
  load(version: number, state: ModelState): Promise<void> {
    return this.#all({ type: 'load', version, ...state }).then(() => {});
  }

  /** Fills the vectors with the state between two steps. */
  save(state: ModelState): Promise<void> {
    return this.#all({ type: 'save', ...state }).then(() => {});
  }

  /** Rejects with NodeUnavailable when the worker is gone or no longer has the gradient. */
  async collect(
    peer: string,
    sharesMemory: boolean,
    version: number,
    node: TreeNode,
    numLeaves: number,
  ): Promise<void> {
    const calls = this.#reducers.map((reducer) =>
      reducer.call({ type: 'collect', peer, sharesMemory, version, node, numLeaves }),
    );
    const failed = (await Promise.allSettled(calls)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Breaks off what is under way from a worker that is gone: its nodes are unavailable at once. */
  async forgetPeer(peer: string): Promise<void> {
    await this.#all({ type: 'forget-peer', peer });
  }

  async sumsOfSquares(numLeaves: number): Promise<BucketSquares[]> {
    const answers = await this.#all({ type: 'sums-of-squares', numLeaves });
    return (answers as BucketSquares[][]).flat();
  }

  apply(update: StepUpdate): Promise<void> {
    const { scalars } = update;
    const isWatched = this.#watch?.isWanted(scalars.updateIndex) ?? false;
    const applied = this.#all({ type: 'apply', update, isWatched });
    if (isWatched) void this.#tellHistograms(scalars);
    return applied.then(() => {});
  }

  /** Has the gradients of some steps binned by tensor, beside the reducers' other work and after the commit. */
  watchGradients(watch: GradientWatch): void {
    this.#watch = watch;
  }

  async #tellHistograms({ updateIndex, scale }: UpdateScalars): Promise<void> {
    const tensors = this.#tensors;
    let answers: unknown[];
    try {
      answers = await this.#all({
        type: 'histograms',
        version: updateIndex,
        tensors: tensors.map(({ offset, size }) => ({ offset, size })),
      });
    } catch {
      // The thread has ended: whoever waits for the commit hears of it.
      return;
    }
    if (answers.includes(null)) return;
    const parts = (answers as TensorPart[][]).flat();
    this.#watch?.onHistograms({ step: updateIndex, scale, tensors: combineHistograms(parts, tensors) });
  }

  /**
   * Hashes of the step that was applied last: to be asked for before the next one is. Made beside the reducers' other
   * work, so the commit does not wait for them.
   */
  async stepHashes(): Promise<StepHashes> {
    return combineHashes((await this.#all({ type: 'hashes' })).flat() as BucketHashes[]);
  }

  async close(): Promise<void> {
    await Promise.all(this.#reducers.map((reducer) => reducer.close()));
  }

  #all(call: ReducerCall): Promise<unknown[]> {
    return Promise.all(this.#reducers.map((reducer) => reducer.call(call)));
  }
}

/** Puts the buckets of all reducers together, in the order of the buckets. */
export function combineHashes(buckets: BucketHashes[]): StepHashes {
  const inOrder = buckets.toSorted((a, b) => a.bucket - b.bucket);
  const byNode = new Map<string, BucketHashes['deliveries']>();
  for (const delivery of inOrder.flatMap(({ deliveries }) => deliveries)) {
    const key = nodeKey(delivery.node);
    byNode.set(key, [...(byNode.get(key) ?? []), delivery]);
  }
  return {
    gradientSha256: combineDigests(inOrder.flatMap(({ root }) => root ?? [])),
    nodes: Array.from(byNode.values(), (parts) => ({
      node: parts[0]!.node,
      sha256: parts.length === inOrder.length ? combineDigests(parts.map(({ digest }) => digest)) : null,
      numBytes: parts.reduce((sum, { numBytes }) => sum + numBytes, 0),
      peers: [...new Set(parts.map(({ peer }) => peer))],
    })),
  };
}

/** Puts the parts of all reducers together, in the order of the buckets; tensors without any are left out. */
export function combineHistograms(
  parts: readonly TensorPart[],
  tensors: readonly { name: string }[],
): GradientHistograms['tensors'] {
  const inOrder = parts.toSorted((a, b) => a.bucket - b.bucket);
  return tensors.flatMap(({ name }, index) => {
    const ofTensor = inOrder.filter(({ tensor }) => tensor === index);
    if (ofTensor.length === 0) return [];
    return [{ name, histogram: mergeHistograms(ofTensor.map(({ histogram }) => histogram)) }];
  });
}
