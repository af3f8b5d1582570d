/** A ModelConfig as it comes from outside: a message, a run's record, a checkpoint. */

import { architectureNames, depthLimits } from '@unet-fleet/law';
import { z } from 'zod';

const whole = z.number().int();

/** What a record does not name, because there was no choice when it was written, is what it was then. */
export const modelSchema = z.object({
  architecture: z.enum(architectureNames).default('unet'),
  inChannels: z.union([z.literal(1), z.literal(3), z.literal(4)]),
  numClasses: whole.min(1).max(65_535),
  baseWidth: whole.min(1).max(512),
  depth: whole.min(depthLimits[0]).max(depthLimits[1]).default(4),
  upsampling: z.enum(['transposed', 'bilinear']),
  norm: z.enum(['batch', 'instance', 'group']).default('batch'),
  dropout: z.number().min(0).lt(1).default(0),
});
