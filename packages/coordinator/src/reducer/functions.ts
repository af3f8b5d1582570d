/**
 * What a reducer does when it is asked to, as functions that the coordinator calls in another thread. What it keeps true:
 * counting waits for whatever else there is to do, and a node that can't be had is an answer, not an error.
 */
import type { TreeNode, Version } from '@unet-fleet/law';
import { type Clock, realClock } from '@unet-fleet/shared';
import { type BulkInbox, type BulkOutbox, FetchError } from '@unet-fleet/wire';
import type { BucketHashes, ModelState, StepUpdate } from './bucket-owner.ts';
import type { TensorPart, TensorRange } from './kept-gradient.ts';
import type { Reducer } from './reducer.ts';

export interface ReducerInbox extends BulkInbox {
  /** Breaks off what is awaited of a peer that is gone. */
  cancel(peer: string): void;
}

export interface ReducerPorts {
  /** Makes the reducer, when it is first asked for something: then whoever asks hears that there is no memory for it. */
  make(): Reducer;
  network: ReducerInbox;
  /** From workers of this host; null for none. */
  sharedMemory: ReducerInbox | null;
  /** Each has all that the reducer offers. */
  outboxes: readonly BulkOutbox[];
  /** Resolves when whatever else there was to do is done. */
  turn(): Promise<unknown>;
  clock?: Clock;
}

export type ReducerFunctions = ReturnType<typeof reducerFunctions>;

export function reducerFunctions({
  make,
  network,
  sharedMemory,
  outboxes,
  turn,
  clock = realClock,
}: ReducerPorts) {
  let made: Reducer | null = null;

  function reducer(): Reducer {
    made ??= make();
    return made;
  }

  return {
    load: (version: Version, state: ModelState) => reducer().load(version, state, outboxes),

    save: (state: ModelState) => reducer().save(state),

    /** A worker that shares memory was leased these nodes of a step: what it offers of them is taken over as it comes. */
    expect(peer: string, version: Version, nodes: readonly TreeNode[]): void {
      if (sharedMemory?.early) reducer().expect(sharedMemory.early, peer, version, nodes, clock);
    },

    /** Answers why the node can't be had from this worker; null where it was had. */
    async collect(peer: string, sharesMemory: boolean, version: Version, node: TreeNode, numLeaves: number) {
      const inbox = sharesMemory && sharedMemory ? sharedMemory : network;
      try {
        await reducer().collect(inbox, peer, version, node, numLeaves);
      } catch (error) {
        if (error instanceof FetchError) return error.message;
        throw error;
      }
      return null;
    },

    sumsOfSquares: (numLeaves: number) => reducer().sumsOfSquares(numLeaves),

    /** `isWatched`: the gradient is kept for `histograms`. */
    apply: (update: StepUpdate, isWatched: boolean) => reducer().apply(update, outboxes, isWatched),

    /** Of the step that was applied last. */
    hashes: (): BucketHashes[] => reducer().hashesOfApplied(),

    /** Of the gradient of this version's commit; null if a later one has taken its place. */
    async histograms(version: Version, tensors: readonly TensorRange[]): Promise<TensorPart[] | null> {
      const parts: TensorPart[] = [];
      for (;;) {
        // Whatever else there is to do comes first.
        await turn();
        const ofBucket = reducer().binNext(version, tensors);
        if (ofBucket === 'done') return parts;
        if (ofBucket === 'replaced') return null;
        parts.push(...ofBucket);
      }
    },

    forgetPeer(peer: string): void {
      made?.forgetPeer(peer);
      network.cancel(peer);
      sharedMemory?.cancel(peer);
    },
  };
}
