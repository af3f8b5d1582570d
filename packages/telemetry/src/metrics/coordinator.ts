/** The metrics of a run: counted as its events come, and asked of its state when somebody asks. */
import { basename } from 'node:path';
import { setImmediate as letOthersRun } from 'node:timers/promises';
import type { LiveRun, LiveStatus, Observer } from '@unet-fleet/coordinator';
import { recordedScores, type TimedEvent } from '@unet-fleet/law';
import { coordinatorParts, waitReasons, waitsOf, workerParts } from '@unet-fleet/pictures/models/step-parts';
import { Metrics } from './registry.ts';
import { serveMetrics } from './server.ts';
import { coordinatorMetrics, memberMetrics } from './specs.ts';

type Own = Metrics<(typeof coordinatorMetrics)[number]['name']>;

/** All that a run can be doing. */
const states = Object.keys({
  training: true,
  validating: true,
  'waiting for workers': true,
  'waiting for the broker': true,
  paused: true,
  'writing the last checkpoint': true,
  over: true,
} satisfies Record<LiveStatus['state'], true>);

export interface Address {
  host: string;
  port: number;
}

/** `onListening`: told of the port, which is of interest where any free one was asked for. */
export const runMetrics =
  (address: Address, onListening: (port: number) => void = () => {}): Observer =>
  async (run) => {
    const metrics = new Metrics(coordinatorMetrics);
    metrics.set('unet_fleet_run_info', 1, { run: basename(run.runDir), run_id: run.runId });
    metrics.set('unet_fleet_planned_steps', run.numSteps);
    metrics.set('unet_fleet_term', run.term);
    const unsubscribe = run.onEvent((event) => count(metrics, event));
    let server: Awaited<ReturnType<typeof serveMetrics>>;
    try {
      server = await serveMetrics({
        ...address,
        contentType: metrics.contentType,
        metrics: async () => {
          await look(metrics, run);
          return metrics.text();
        },
        unreadiness: () => unreadiness(run),
      });
    } catch (error) {
      unsubscribe();
      throw error;
    }
    onListening(server.port);
    return {
      async close() {
        unsubscribe();
        await server.close();
      },
    };
  };

/** Ready: connected to the broker, and the run goes on, whether there are workers or not. */
function unreadiness(run: LiveRun): string | null {
  const { state } = run.status();
  return state === 'waiting for the broker' || state === 'over' ? `the run is ${state}` : null;
}

const seconds = (ms: number): number => ms / 1_000;

function count(metrics: Own, event: TimedEvent): void {
  switch (event.type) {
    case 'step': {
      metrics.inc('unet_fleet_steps_total');
      metrics.inc('unet_fleet_images_total', event.numImages);
      metrics.observe('unet_fleet_step_duration_seconds', seconds(event.stepMs));
      metrics.set('unet_fleet_epoch', event.epoch);
      metrics.show('unet_fleet_train_loss', event.loss);
      metrics.set('unet_fleet_learning_rate', event.learningRate);
      metrics.set('unet_fleet_gradient_norm', event.gradientNorm);
      for (const lane of event.workers ?? []) {
        const waits = waitsOf(lane, event.stepMs);
        metrics.inc('unet_fleet_step_worker_seconds_total', seconds(event.stepMs));
        for (const reason of waitReasons) {
          metrics.inc('unet_fleet_step_wait_seconds_total', seconds(waits[reason]), { reason });
        }
      }
      const { timings } = event;
      if (!timings) break;
      for (const phase of [...workerParts, ...coordinatorParts]) {
        metrics.inc('unet_fleet_step_phase_seconds_total', seconds(timings[`${phase}Ms`]), { phase });
      }
      break;
    }
    case 'validated':
      metrics.inc('unet_fleet_validations_total');
      metrics.show('unet_fleet_validation_loss', event.loss);
      for (const { of, mean } of recordedScores) {
        metrics.show(`unet_fleet_validation_mean_${of}_ratio`, event[mean]);
      }
      metrics.show('unet_fleet_validation_pixel_accuracy_ratio', event.pixelAccuracy);
      break;
    case 'checkpoint':
      metrics.inc('unet_fleet_checkpoints_total');
      metrics.inc('unet_fleet_checkpoint_write_seconds_total', seconds(event.writeMs));
      metrics.inc('unet_fleet_checkpoint_snapshot_seconds_total', seconds(event.snapshotMs));
      metrics.set('unet_fleet_checkpoint_step', event.step);
      metrics.set('unet_fleet_checkpoint_timestamp_seconds', seconds(Date.parse(event.at)));
      metrics.set('unet_fleet_checkpoint_size_bytes', event.sizeBytes);
      break;
    case 'checkpoint-failed':
      metrics.inc('unet_fleet_checkpoint_failures_total');
      break;
    case 'worker-joined':
      metrics.inc('unet_fleet_worker_joins_total');
      break;
    case 'worker-left':
      metrics.inc('unet_fleet_worker_departures_total');
      break;
    case 'worker-late':
      metrics.inc('unet_fleet_worker_late_total');
      break;
    case 'worker-set-aside':
      metrics.inc('unet_fleet_worker_set_aside_total');
      break;
    case 'lease-repeated':
      metrics.inc('unet_fleet_leases_repeated_total');
      break;
    case 'leaf-skipped':
      metrics.inc('unet_fleet_leaves_skipped_total', 1, { kind: event.kind });
      break;
    case 'leaf-retried':
      metrics.inc('unet_fleet_leaves_retried_total', 1, { kind: event.kind });
      break;
    case 'gradient-outlier':
      metrics.inc('unet_fleet_gradient_outliers_total');
      break;
    case 'message-rejected':
      metrics.inc('unet_fleet_messages_rejected_total', event.count);
      break;
    case 'broker-lost':
      metrics.inc('unet_fleet_broker_losses_total');
      break;
    case 'warning':
      metrics.inc('unet_fleet_warnings_total');
      break;
  }
}

/** What the run's state says at this moment, a hundred workers at a time. */
async function look(metrics: Own, run: Pick<LiveRun, 'status'>): Promise<void> {
  const { state, step, workers, facts, isPaused } = run.status();
  for (const other of states) metrics.set('unet_fleet_state', other === state ? 1 : 0, { state: other });
  metrics.set('unet_fleet_paused', isPaused ? 1 : 0);
  metrics.set('unet_fleet_broker_connected', state === 'waiting for the broker' ? 0 : 1);
  metrics.set('unet_fleet_step', step);
  metrics.set('unet_fleet_workers', workers.length);
  // Of members alone: whoever has gone leaves no series behind.
  for (const { name } of memberMetrics) metrics.clear(name);
  for (const [i, member] of facts.entries()) {
    if (i % 100 === 99) await letOthersRun();
    const { name: worker, host, device, gpu } = member;
    const labels = { worker };
    metrics.set('unet_fleet_member_info', 1, { worker, host, device });
    metrics.set('unet_fleet_member_images_per_second', member.imagesPerSecond, labels);
    metrics.set('unet_fleet_member_resident_memory_bytes', member.residentBytes, labels);
    metrics.set('unet_fleet_member_restarts', member.numRestarts, labels);
    metrics.set('unet_fleet_member_straggler', member.isStraggler ? 1 : 0, labels);
    const lastSeen = seconds(Date.parse(member.lastSeen));
    metrics.set('unet_fleet_member_last_seen_timestamp_seconds', lastSeen, labels);
    if (!gpu) continue;
    metrics.set('unet_fleet_member_gpu_utilization_ratio', gpu.utilization, labels);
    metrics.set('unet_fleet_member_gpu_memory_bytes', gpu.memoryBytes, labels);
  }
}
