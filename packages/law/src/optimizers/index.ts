/** Every optimizer. A new one is a file here and a line below, with a kernel in numerics/assembly where none fits. */
import type { RegistryValues } from '../config/entry-options.ts';
import { adam } from './adam.ts';
import { adamw } from './adamw.ts';
import { rmsprop } from './rmsprop.ts';
import { sgd } from './sgd.ts';

export const optimizers = { rmsprop, sgd, adam, adamw } as const;

export type OptimizerName = keyof typeof optimizers;

export const optimizerNames = Object.keys(optimizers) as OptimizerName[];

/** The options of all of them; each reads its own. */
export type OptimizerOptions = RegistryValues<typeof optimizers>;

/** The kernels that they need of numerics. */
export type OptimizerKernel = (typeof optimizers)[OptimizerName]['kernel'];
