/** From the options of a run to its model. */
import type { ModelOptions } from '../config/types.ts';
import { architectures } from './architectures/index.ts';
import type { ModelConfig } from './types.ts';

/** The model of a run: its options, and what its data decides. */
export const modelOf = (
  { architecture, baseWidth, depth, upsampling, norm, dropout }: ModelOptions,
  { inChannels, numClasses }: Pick<ModelConfig, 'inChannels' | 'numClasses'>,
): ModelConfig => ({
  architecture,
  inChannels,
  numClasses,
  baseWidth,
  depth,
  upsampling,
  norm: norm === 'auto' ? architectures[architecture].norm : norm,
  dropout,
});

/** How a person is told of a model; what is as usual for its architecture is left out. */
export function modelTitle({
  architecture,
  baseWidth,
  depth,
  upsampling,
  norm,
  dropout,
}: ModelConfig): string {
  const { title, norm: usualNorm } = architectures[architecture];
  return [
    title,
    `base width ${baseWidth}`,
    ...(depth === usualDepth ? [] : [`depth ${depth}`]),
    ...(architecture === 'unet' ? [upsampling] : []),
    ...(norm === usualNorm ? [] : [`${norm} norm`]),
    ...(dropout === 0 ? [] : [`dropout ${dropout}`]),
  ].join(', ');
}

const usualDepth = 4;
