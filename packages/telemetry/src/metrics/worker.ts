/** The metrics of one worker process: counted as it tells what it does. */
import { busyMs, busyParts } from '@unet-fleet/pictures/models/step-parts';
import type { WorkerActivity } from '@unet-fleet/wire';
import type { Address } from './coordinator.ts';
import { Metrics } from './registry.ts';
import { type MetricsServer, serveMetrics } from './server.ts';
import { workerMetrics } from './specs.ts';

export class WorkerMetrics {
  readonly #metrics = new Metrics(workerMetrics);
  readonly #now: () => number;
  #isJoined = false;
  /** When it joined, or told of a lease last; null where it is no member. */
  #sinceMs: number | null = null;

  /** `now`: of a clock in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#metrics.set('unet_fleet_worker_joined', 0);
    this.#metrics.set('unet_fleet_worker_broker_connected', 0);
  }

  /** For WorkerOptions.onActivity. */
  readonly onActivity = (activity: WorkerActivity): void => {
    const metrics = this.#metrics;
    switch (activity.type) {
      case 'membership':
        this.#isJoined = activity.isJoined;
        this.#sinceMs = activity.isJoined ? this.#now() : null;
        metrics.set('unet_fleet_worker_joined', activity.isJoined ? 1 : 0);
        // Nobody joins without a broker.
        if (activity.isJoined) metrics.set('unet_fleet_worker_broker_connected', 1);
        break;
      case 'broker':
        metrics.set('unet_fleet_worker_broker_connected', activity.isConnected ? 1 : 0);
        break;
      case 'computed': {
        const { kind, numLeaves, timings } = activity;
        metrics.inc('unet_fleet_worker_leaves_total', numLeaves, { kind });
        for (const [phase, ms] of busyParts(timings)) {
          metrics.inc('unet_fleet_worker_phase_seconds_total', ms / 1_000, { phase });
        }
        const waitedMs = Math.max(0, this.#elapsedMs() - busyMs(timings));
        metrics.inc('unet_fleet_worker_phase_seconds_total', waitedMs / 1_000, { phase: 'wait' });
        break;
      }
      case 'bulk':
        metrics.inc('unet_fleet_worker_bulk_bytes_total', activity.numBytes, {
          direction: activity.direction,
        });
        break;
      case 'abandoned':
        metrics.inc('unet_fleet_worker_leases_abandoned_total');
        // What it did for nothing is no waiting.
        this.#elapsedMs();
        break;
      case 'telemetry': {
        const { gpu } = activity.telemetry;
        if (gpu) {
          metrics.set('unet_fleet_worker_gpu_utilization_ratio', gpu.utilization);
          metrics.set('unet_fleet_worker_gpu_memory_bytes', gpu.memoryBytes);
        } else {
          metrics.clear('unet_fleet_worker_gpu_utilization_ratio');
          metrics.clear('unet_fleet_worker_gpu_memory_bytes');
        }
      }
    }
  };

  /** Since this was asked last, or the worker joined. */
  #elapsedMs(): number {
    const now = this.#now();
    const elapsedMs = this.#sinceMs === null ? 0 : now - this.#sinceMs;
    if (this.#sinceMs !== null) this.#sinceMs = now;
    return elapsedMs;
  }

  /** Throws a UserError if the address can't be listened on. */
  serve(address: Address): Promise<MetricsServer> {
    return serveMetrics({
      ...address,
      contentType: this.#metrics.contentType,
      metrics: () => this.#metrics.text(),
      unreadiness: () => (this.#isJoined ? null : 'this worker has not joined a run'),
    });
  }
}
