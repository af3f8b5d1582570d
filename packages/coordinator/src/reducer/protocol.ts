/** What the coordinator's main thread and a reducer's thread say to each other. One answer to each call, by id. */
import type { BrokerAddress, TreeNode } from '@unet-fleet/shared';
import type { ModelState, StepUpdate } from './bucket-owner.ts';
import type { ReducerFailure } from './failure.ts';
import type { TensorRange } from './kept-gradient.ts';
import type { ReducerOptions } from './reducer.ts';

export interface ReducerThreadOptions extends ReducerOptions {
  runId: string;
  reducer: number;
  broker: BrokerAddress;
  /** Folder on tmpfs for peers of this host; '' for none. */
  sharedMemoryFolder: string;
}

export type ReducerCall =
  | ({ type: 'load'; version: number } & ModelState)
  | ({ type: 'save' } & ModelState)
  | {
      type: 'collect';
      peer: string;
      sharesMemory: boolean;
      version: number;
      node: TreeNode;
      numLeaves: number;
    }
  | { type: 'sums-of-squares'; numLeaves: number }
  /** `isWatched`: the gradient is kept for `histograms`. */
  | { type: 'apply'; update: StepUpdate; isWatched: boolean }
  /** Of the gradient of this version's commit; answered with TensorPart[], or null if a later one has taken its place. */
  | { type: 'histograms'; version: number; tensors: readonly TensorRange[] }
  /** Of the step that was applied last; answered with BucketHashes[]. */
  | { type: 'hashes' }
  | { type: 'forget-peer'; peer: string }
  | { type: 'close' };

/** Unasked: a worker has sent a frame that is none. */
export interface ReducerFault {
  fault: { peer: string; what: string };
}

/** The thread has found no broker yet and looks for it again; said once. */
export interface ReducerWait {
  waits: string;
}

export type ReducerAnswer =
  | { id: number; ok: true; value: unknown }
  | { id: number; ok: false; failure: ReducerFailure };
