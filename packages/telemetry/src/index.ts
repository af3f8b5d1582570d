/** What a run tells machines: TensorBoard's files, Prometheus's metrics, traces. */
import type { Observer } from '@unet-fleet/coordinator/live/live-run';
import type { Config } from '@unet-fleet/shared';
import { runMetrics } from './metrics/coordinator.ts';
import { tensorBoard } from './tensorboard/tensorboard.ts';
import { traces } from './traces/traces.ts';

/** The observers that a run's options ask for; traces ask for nothing but an SDK. */
export const exporters = ({ run }: Config): Observer[] => [
  ...(run.tensorboard ? [tensorBoard] : []),
  ...(run.metricsPort > 0 ? [runMetrics({ host: run.metricsHost, port: run.metricsPort })] : []),
  traces,
];

export type { Address } from './metrics/coordinator.ts';
export { WorkerMetrics } from './metrics/worker.ts';
