/** The coordinator's type of an evaluation, under a name that the views share. A type alone. */
export type { Evaluation } from '@unet-fleet/record';
