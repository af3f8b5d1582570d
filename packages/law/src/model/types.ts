/**
 * Names of the model's parts. One flat float32 vector holds all trainable parameters and one holds the batch-norm
 * running statistics; a TensorSpec says where a tensor lies in them. Everything below the model (buckets, frames,
 * reduction, optimizer) sees flat vectors only.
 */
import type { ModelConfig } from './architectures/index.ts';
import type { TensorDeclaration } from './node.ts';

export type { ModelConfig };

/** A tensor with its place in its flat vector. */
export interface TensorSpec extends TensorDeclaration {
  /** Index of the first value in its flat vector, in float32 values. */
  offset: number;
  size: number;
}

export interface ModelTensors {
  parameters: TensorSpec[];
  numParameters: number;
  /** Running means and variances of the batch norms, in layer order: mean then variance of each. */
  statistics: TensorSpec[];
  numStatistics: number;
}

export interface ModelDescription extends ModelTensors {
  config: ModelConfig;
}
