/** What the coordinator's main thread and a reducer's thread say to each other. One answer to each call, by id. */
import type { UpdateScalars } from '@unet-fleet/numerics';
import type { BrokerAddress, Bucket, TrainConfig, TreeNode } from '@unet-fleet/shared';
import type { ReducerFailure } from './failure.ts';
import type { TensorRange } from './kept-gradient.ts';

export interface ReducerThreadOptions {
  runId: string;
  term: number;
  reducer: number;
  buckets: Bucket[];
  /** The batch-norm statistics, for the one reducer that owns them. */
  statistics: { bucketId: number; numStatistics: number } | null;
  train: TrainConfig;
  broker: BrokerAddress;
  /** Folder on tmpfs for peers of this host; '' for none. */
  sharedMemoryFolder: string;
}

/** All that training changes, as flat vectors in shared memory: each reducer reads or writes its own ranges. */
export interface ModelState {
  parameters: Float32Array;
  statistics: Float32Array;
  /** Of the optimizer, in the order of its slots. */
  slots: Float32Array[];
}

/** SHA-256 of one bucket of a step: of what was delivered and used, and of the root (null for the statistics). */
export interface BucketHashes {
  bucket: number;
  root: Uint8Array | null;
  deliveries: { node: TreeNode; peer: string; numBytes: number; digest: Uint8Array }[];
}

export type ReducerCall =
  | ({ type: 'load'; version: number } & ModelState)
  | ({ type: 'save' } & ModelState)
  | {
      type: 'collect';
      peer: string;
      sharesMemory: boolean;
      step: number;
      node: TreeNode;
      numLeaves: number;
    }
  | { type: 'sums-of-squares'; numLeaves: number }
  | {
      type: 'apply';
      numLeaves: number;
      skippedLeaves: readonly number[];
      scalars: UpdateScalars;
      /** The gradient is kept for `histograms`. */
      isWatched: boolean;
    }
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
