/** Every architecture, and what a person is told of it. A new one is a file here and a line below. */
import type { ArchitectureOptions } from '../architecture-options.ts';
import type { LayerGraph } from '../graph.ts';
import type { NormKind } from '../graph-builder.ts';
import { residualEncoder } from './residual-encoder.ts';
import { unet } from './unet.ts';

export interface Architecture {
  /** In the banner and in checkpoints. */
  title: string;
  /** The norm that `--norm auto` stands for. */
  norm: NormKind;
  graph(options: ArchitectureOptions): LayerGraph;
}

export const architectures = {
  unet: { title: 'U-Net', norm: 'batch', graph: unet },
  'residual-encoder': { title: 'residual encoder U-Net', norm: 'instance', graph: residualEncoder },
} as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;

export interface ModelConfig extends ArchitectureOptions {
  architecture: ArchitectureName;
}

export const architectureNames = Object.keys(architectures) as ArchitectureName[];

export const graphOf = (config: ModelConfig): LayerGraph => architectures[config.architecture].graph(config);
