/**
 * Names of the model's parts. One flat float32 vector holds all trainable parameters and one holds the batch-norm
 * running statistics; a TensorSpec says where a tensor lies in them. Everything below the model (buckets, frames,
 * reduction, optimizer) sees flat vectors only.
 */
import type { Upsampling } from '../config/types.ts';

export interface ModelConfig {
  inChannels: 1 | 3 | 4;
  numClasses: number;
  baseWidth: number;
  upsampling: Upsampling;
}

export interface TensorSpec {
  /** Name in the state dict of milesial/Pytorch-UNet, such as "down1.maxpool_conv.1.double_conv.0.weight". */
  name: string;
  kind: 'conv' | 'transposedConv' | 'bias' | 'bnScale' | 'bnShift' | 'bnMean' | 'bnVariance';
  /** Shape in PyTorch: conv OIHW, transposed conv IOHW, others [n]. */
  torchShape: number[];
  /** Shape in TensorFlow and in the flat vector: conv HWIO, transposed conv HWOI, others [n]. */
  engineShape: number[];
  /** Index of the first value in its flat vector, in float32 values. */
  offset: number;
  size: number;
  /** Of the layer; PyTorch's initialisation is U(±1/sqrt(fanIn)). */
  fanIn: number;
}

export interface ModelDescription {
  config: ModelConfig;
  parameters: TensorSpec[];
  numParameters: number;
  /** Running means and variances of the batch norms, in layer order: mean then variance of each. */
  statistics: TensorSpec[];
  numStatistics: number;
}
