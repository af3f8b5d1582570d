/** A model for tests, which say of it only what they are about. */
import type { ModelConfig } from '@unet-fleet/law';

export const smallModel = (overrides: Partial<ModelConfig> = {}): ModelConfig => ({
  architecture: 'unet',
  inChannels: 3,
  numClasses: 2,
  baseWidth: 8,
  depth: 4,
  upsampling: 'transposed',
  norm: 'batch',
  dropout: 0,
  ...overrides,
});
