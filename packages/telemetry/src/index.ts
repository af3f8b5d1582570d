/** What a run tells machines: TensorBoard's files, Prometheus's metrics, traces. Each is loaded where it is asked for. */
import type { Observer } from '@unet-fleet/coordinator';
import type { Config } from '@unet-fleet/law';

/** Where OpenTelemetry's API keeps what an SDK has registered with it. */
const registry = Symbol.for('opentelemetry.js.api.1');

/** The observers that a run's options ask for; traces ask for nothing but an SDK, which is loaded before this program. */
export async function exporters({ run }: Config): Promise<Observer[]> {
  const observers: Observer[] = [];
  if (run.tensorboard) observers.push((await import('./tensorboard/tensorboard.ts')).tensorBoard);
  if (run.metricsPort > 0) {
    const { runMetrics } = await import('./metrics/coordinator.ts');
    observers.push(runMetrics({ host: run.metricsHost, port: run.metricsPort }));
  }
  if (registry in globalThis) observers.push((await import('./traces/traces.ts')).traces);
  return observers;
}

export type { Address } from './metrics/coordinator.ts';
