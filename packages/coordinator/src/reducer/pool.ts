/**
 * All reducers of a run as one: it deals the buckets out, and puts the reducers' answers together in the order of the
 * buckets, so that their number changes nothing.
 */

import { randomBytes } from 'node:crypto';
import {
  type ModelDescription,
  nodeKey,
  type Step,
  type TensorSpec,
  type TreeNode,
  type Version,
  versionBefore,
} from '@unet-fleet/law';
import type { UpdateScalars } from '@unet-fleet/numerics';
import type { StepHashes } from '@unet-fleet/record';
import { type Arguments, Thread } from '@unet-fleet/shared/threads';
import { coordinatorIdentity } from '@unet-fleet/wire';
import type { BucketHashes, BucketSquares, ModelState, StepUpdate } from './bucket-owner.ts';
import type { StepOwners } from './commit.ts';
import { NodeUnavailable } from './failure.ts';
import { combineDigests, stepKeyOf } from './hashing.ts';
import type { TensorPart } from './kept-gradient.ts';
import { ownedIn, shareOf } from './share.ts';
import type { ReducerListener, ReducerThreadFunctions, ReducerThreadOptions } from './thread.ts';
import { mergeHistograms, type ValueHistogram } from './value-histogram.ts';

/** Of a start of a coordinator. */
export const newHashSecret = (): Uint8Array => randomBytes(32);

const nobody: ReducerListener = { onFault: () => {}, onWait: () => {} };

/** A thread that serves `reducerFunctions`, here or in another process (remote/remote-process.ts). */
export type ReducerThread = Pick<Thread<ReducerThreadFunctions>, 'call' | 'isLost' | 'ended'>;

/** Who wants to know how gradients are spread. */
export interface GradientWatch {
  /** Asked before the commit that makes this version of the weights. */
  isWanted(version: Version): boolean;
  onHistograms(histograms: GradientHistograms): void;
}

/** How the gradient of a step is spread, by tensor, before clipping. */
export interface GradientHistograms {
  /** From 1: the n-th commit of the run. */
  step: Step;
  /** What was binned is the sum over the batch; times this it is the mean gradient. */
  scale: number;
  tensors: { name: string; histogram: ValueHistogram }[];
}

export class ReducerPool implements StepOwners {
  readonly #reducers: readonly ReducerThread[];
  readonly #tensors: readonly TensorSpec[];
  readonly #hashSecret: Uint8Array;
  #watch: GradientWatch | null = null;
  /** The weights that the step before was on. */
  #lastVersion: Version = 0;

  /** `hashSecret`: as the reducers have it. */
  constructor(
    reducers: readonly ReducerThread[],
    tensors: readonly TensorSpec[],
    hashSecret: Uint8Array = newHashSecret(),
  ) {
    this.#reducers = reducers;
    this.#tensors = tensors;
    this.#hashSecret = hashSecret;
  }

  static start(
    options: Omit<ReducerThreadOptions, 'identity' | 'reducer' | 'buckets' | 'statistics' | 'hashSecret'>,
    model: ModelDescription,
    numReducers: number,
    listener: ReducerListener = nobody,
  ): ReducerPool {
    const hashSecret = newHashSecret();
    const reducers = Array.from({ length: numReducers }, (_, reducer) => {
      const data: ReducerThreadOptions = {
        ...options,
        identity: coordinatorIdentity,
        reducer,
        hashSecret,
        ...ownedIn(shareOf(model, reducer, numReducers), model.numStatistics),
      };
      const file = new URL('./thread.js', import.meta.url);
      const settings = { name: 'a reducer thread', data, functions: listener };
      return new Thread<ReducerThreadFunctions, ReducerListener>(file, settings);
    });
    return new ReducerPool(reducers, model.parameters, hashSecret);
  }

  get numReducers(): number {
    return this.#reducers.length;
  }

  /** Hands the state to the reducers, which offer it to workers as the weights of `version`. */
  load(version: Version, state: ModelState): Promise<void> {
    return this.#all('load', [version, state]).then(() => {});
  }

  /** Fills the vectors with the state between two steps. */
  save(state: ModelState): Promise<void> {
    return this.#all('save', [state]).then(() => {});
  }

  /** Rejects with NodeUnavailable when the worker is gone or no longer has the gradient. */
  async collect(
    peer: string,
    sharesMemory: boolean,
    version: Version,
    node: TreeNode,
    numLeaves: number,
  ): Promise<void> {
    const calls = this.#reducers.map((reducer) =>
      reducer.call('collect', [peer, sharesMemory, version, node, numLeaves]),
    );
    // All of them: nothing of this node is under way any more when the next worker is asked.
    await Promise.allSettled(calls);
    const why = (await Promise.all(calls)).find((reason) => reason !== null);
    if (why) throw new NodeUnavailable(why);
  }

  /** What a worker of this host offers of these nodes while it computes them is taken over as it comes. */
  async expect(peer: string, version: Version, nodes: readonly TreeNode[]): Promise<void> {
    // A reducer that is lost takes nothing early; whoever collects hears of it.
    await Promise.allSettled(this.#reducers.map((reducer) => reducer.call('expect', [peer, version, nodes])));
  }

  /** Breaks off what is under way from a worker that is gone: its nodes are unavailable at once. */
  async forgetPeer(peer: string): Promise<void> {
    await this.#all('forgetPeer', [peer]);
  }

  async sumsOfSquares(numLeaves: number): Promise<BucketSquares[]> {
    return (await this.#all('sumsOfSquares', [numLeaves])).flat();
  }

  apply(update: StepUpdate): Promise<void> {
    const { scalars } = update;
    const isWatched = this.#watch?.isWanted(scalars.updateIndex) ?? false;
    this.#lastVersion = versionBefore(scalars.updateIndex);
    const applied = this.#all('apply', [update, isWatched]);
    if (isWatched) void this.#tellHistograms(scalars);
    return applied.then(() => {});
  }

  /** Has the gradients of some steps binned by tensor, beside the reducers' other work and after the commit. */
  watchGradients(watch: GradientWatch): void {
    this.#watch = watch;
  }

  async #tellHistograms({ updateIndex, scale }: UpdateScalars): Promise<void> {
    const tensors = this.#tensors;
    const ranges = tensors.map(({ offset, size }) => ({ offset, size }));
    let answers: (TensorPart[] | null)[];
    try {
      answers = await this.#all('histograms', [updateIndex, ranges]);
    } catch {
      // The thread has ended: whoever waits for the commit hears of it.
      return;
    }
    const parts = answers.flatMap((ofReducer) => ofReducer ?? []);
    if (answers.includes(null)) return;
    this.#watch?.onHistograms({ step: updateIndex, scale, tensors: combineHistograms(parts, tensors) });
  }

  /** Hashes of the step that was applied last: to be asked for before the next one is. */
  async stepHashes(): Promise<StepHashes> {
    const hashKey = stepKeyOf(this.#hashSecret, this.#lastVersion);
    return { hashKey, ...combineHashes((await this.#all('hashes', [])).flat()) };
  }

  async close(): Promise<void> {
    const close = async (reducer: ReducerThread) => {
      await reducer.call('close', []).catch((error) => {
        // Ended by itself meanwhile: as good as closed, and its calls were told why.
        if (!reducer.isLost) throw error;
      });
      await reducer.ended;
    };
    await Promise.all(this.#reducers.map(close));
  }

  #all<Name extends keyof ReducerThreadFunctions>(name: Name, args: Arguments<ReducerThreadFunctions[Name]>) {
    return Promise.all(this.#reducers.map((reducer) => reducer.call(name, args)));
  }
}

/** Puts the buckets of all reducers together, in the order of the buckets. */
export function combineHashes(buckets: BucketHashes[]): Omit<StepHashes, 'hashKey'> {
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
