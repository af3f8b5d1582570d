/** What an architecture's function makes its graph of: the model's options, but for the architecture itself. */
import type { NormKind } from './graph-builder.ts';

/** The fewest and the most levels below the first. */
export const depthLimits = [2, 6] as const;

export type Upsampling = 'transposed' | 'bilinear';

export interface ArchitectureOptions {
  inChannels: 1 | 3 | 4;
  numClasses: number;
  baseWidth: number;
  /** How often height and width are halved. */
  depth: number;
  upsampling: Upsampling;
  norm: NormKind;
  /** Share of values that dropout drops in training; 0: no dropout. */
  dropout: number;
}
