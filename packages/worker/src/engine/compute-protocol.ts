/** What the worker's main thread and its compute thread say to each other: one answer to each call, in order. */
import type { Batch, KernelFingerprint, LeafLoss } from './types.ts';

export type ComputeCall =
  | { type: 'set-weights'; parameters: Float32Array; statistics: Float32Array }
  | {
      type: 'train';
      batch: Batch;
      gradients: Float32Array;
      statistics: Float32Array;
      reportsTensors: boolean;
    }
  /** `kept`: images of the batch whose classes are wanted. */
  | { type: 'evaluate'; batch: Batch; numClasses: number; kept: readonly number[] }
  | { type: 'predict'; batch: Omit<Batch, 'labels'> };

export type ComputeAnswer =
  | { type: 'started'; fingerprint: KernelFingerprint }
  /** A parameter's gradient is complete; the call goes on. */
  | { type: 'tensor'; index: number }
  | { type: 'done'; value: unknown }
  /** `exitCode`: of a UserError; null for a broken invariant. */
  | { type: 'failed'; message: string; exitCode: number | null };

export interface EvaluatedLeaf {
  loss: LeafLoss;
  confusion: Float64Array;
  /** Of the images that are kept, in their order: see class-bytes.ts. */
  pictures: Uint8Array[];
}
