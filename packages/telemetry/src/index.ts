/** What a run tells machines: TensorBoard's files, Prometheus's metrics, traces. */
import type { Observer } from '@unet-fleet/coordinator/live/live-run';
import type { Config } from '@unet-fleet/shared';
import { tensorBoard } from './tensorboard/tensorboard.ts';

/** The observers that a run's options ask for. */
export const exporters = ({ run }: Config): Observer[] => [...(run.tensorboard ? [tensorBoard] : [])];
