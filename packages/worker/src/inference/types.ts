/**
 * What using a trained model needs and gives. A model arrives here already loaded: where it came from (a checkpoint,
 * a download) is the caller's business, so this folder reads no checkpoint and knows no run folder.
 */
import type { DataConfig, LossName, ModelConfig, Precision, WireName } from '@unet-fleet/law';
import type { Batch, LeafLoss } from '../engine/types.ts';

/** Weights with all that is needed to give them pictures as in training, and to name what they answer. */
export interface TrainedModel {
  /** How reports and pictures call it, such as "runs/0001, step 1200". */
  name: string;
  model: ModelConfig;
  /** Flat vectors in the engine's layout. */
  parameters: Float32Array;
  statistics: Float32Array;
  /** One for each class. */
  classNames: string[];
  /** Of the training: size or scale, channels, ignore index, how masks are read. */
  data: DataConfig;
  loss: LossName;
  /** Of the training, whose leaves were computed with weights as they travel. */
  wire: WireName;
  /** Weights of the classes in the loss; null for all 1. */
  classWeights: number[] | null;
}

export interface EngineChoice {
  device: 'auto' | 'cpu' | 'gpu';
  intraOpThreads: number;
  precision: Precision;
}

/** What inference asks of an engine in a thread of its own; ComputeThread is one. */
export interface InferenceEngine {
  setWeights(parameters: Float32Array, statistics: Float32Array): Promise<void>;
  evaluateLeaf(batch: Batch, confusion: Float64Array): Promise<LeafLoss>;
  predict(batch: Omit<Batch, 'labels'>): Promise<Uint16Array>;
  close(): Promise<void>;
}

/** Called after each photo or leaf. */
export type OnProgress = (numDone: number, numTotal: number) => void;
