/**
 * What the worker asks of an engine. The engine holds the weights of one version and computes leaves; it knows
 * nothing of steps, leases or the network.
 */
import type { LossName, ModelConfig, PlanPlace, Precision } from '@unet-fleet/law';

/** What the bits of a leaf depend on beside weights and samples, as far as TensorFlow goes. */
export interface KernelFingerprint {
  /** Library and version, such as "tensorflow 2.21.0". */
  library: string;
  /** Processor or GPU whose kernels compute, such as "cpu AuthenticAMD 25/1 avx2". */
  device: string;
  intraOpThreads: number;
  precision: Precision;
  /** Variables of the environment that change the kernels, such as "NVIDIA_TF32_OVERRIDE=0"; empty for none. */
  settings: string;
}

/** All that can change the bits of a leaf's result besides the weights and the leaf. */
export interface EngineFingerprint extends KernelFingerprint {
  /** What decodes the photos, such as "sharp 0.35.5, libvips 8.18.7, x64 avx2". */
  decoder: string;
}

export interface EngineOptions {
  model: ModelConfig;
  device: 'auto' | 'cpu' | 'gpu';
  intraOpThreads: number;
  precision: Precision;
  loss: LossName;
  ignoreIndex: number;
  /** One weight per class, or null for all 1. */
  classWeights: number[] | null;
}

/** Samples ready for the engine. images: NHWC in 0..1; labels: NHW class indices (or the ignore index). */
export interface Batch {
  numImages: number;
  height: number;
  width: number;
  images: Float32Array;
  labels: Int32Array;
}

/** A leaf to train on, whose place says what is drawn for it. */
export interface TrainBatch extends Batch {
  place: PlanPlace;
}

/** Sums over a leaf's valid pixels: never averages, so that leaves can be added. */
export interface LeafLoss {
  /** Sum over valid pixels of classWeight * loss. */
  lossSum: number;
  /** Sum over valid pixels of classWeight (the count of valid pixels without class weights). */
  weightSum: number;
  /** In their place for a loss of two passes, where no gradient is wanted: the leaf's part of its totals. */
  addends?: number[];
}

export interface Engine {
  readonly fingerprint: KernelFingerprint;
  /**
   * parameters and statistics are the model's flat vectors. They may be computed with where they lie: nothing is computed
   * after they have changed until they are set again.
   */
  setWeights(parameters: Float32Array, statistics: Float32Array): void;
  /**
   * The first pass of a loss that has two: this leaf's addends, in training mode. Throws for a loss that has none.
   * `precision`: another than the engine's own.
   */
  addendsOfLeaf(batch: TrainBatch, precision?: Precision): number[];
  /**
   * Forward and backward in training mode. Writes the gradient of lossSum into `gradients` (flat, engine layout) and
   * the batch-norm statistics of this leaf (mean and unbiased variance, laid out as the statistics vector) into
   * `statistics`. `onTensor(i)` is called as parameter i's gradient is complete, in backward order.
   * `totals`: the addends of all leaves of the batch, added in leaf order, for a loss of two passes. `precision`: another
   * than the engine's own.
   */
  trainLeaf(
    batch: TrainBatch,
    gradients: Float32Array,
    statistics: Float32Array,
    onTensor?: (parameterIndex: number) => void,
    totals?: readonly number[],
    precision?: Precision,
  ): LeafLoss;
  /**
   * Inference mode. Adds to `confusion`, row = truth, column = prediction, numClasses x numClasses. `onClasses` is told
   * the class of each pixel, NHW, which is the engine's own.
   */
  evaluateLeaf(
    batch: Batch,
    confusion: Float64Array,
    onClasses?: (classes: ArrayLike<number>) => void,
    precision?: Precision,
  ): LeafLoss;
  /** Class index of each pixel, NHW. */
  predict(batch: Omit<Batch, 'labels'>): Uint16Array;
  dispose(): void;
}
