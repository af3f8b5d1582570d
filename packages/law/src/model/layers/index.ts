/** Every kind of node: what the files here export. A new one is an entry in one of them, and its rule in the engine. */
import * as activations from './activations.ts';
import * as convolutions from './convolutions.ts';
import * as dropout from './dropout.ts';
import * as joins from './joins.ts';
import { type BuildContext, layer } from './layer.ts';
import * as norms from './norms.ts';
import * as resampling from './resampling.ts';

/** The photo: given, not computed. */
const input = layer({ build: (_: BuildContext, numChannels: number) => ({ inputs: [], numChannels }) });

export const layers = {
  input,
  ...convolutions,
  ...norms,
  ...activations,
  ...dropout,
  ...resampling,
  ...joins,
};
