/** The coordinator's types of an evaluation, under a name that the views of this folder share. Types alone. */
export type { Evaluation, SparseConfusion } from '@unet-fleet/coordinator/live/evaluations';
