/**
 * Every metric that is served, once: what is registered, what docs/metrics.md lists (a test compares), and what the
 * Grafana dashboard may ask for. Names and units by Prometheus's conventions: base units, `_total` for counters; labels
 * have few values, and the names of workers are on gauges alone, which go with their worker. What ends in `_total` is a
 * counter and in `_duration_seconds` a histogram; all else is a gauge.
 */
import { classScores, recordedScores } from '@unet-fleet/law';

export type CounterOf<Name extends string> = Extract<Name, `${string}_total`>;
export type HistogramOf<Name extends string> = Extract<Name, `${string}_duration_seconds`>;
export type GaugeOf<Name extends string> = Exclude<Name, CounterOf<Name> | HistogramOf<Name>>;

interface Description {
  help: string;
  labels?: readonly string[];
  /** Upper edges, for a histogram. */
  buckets?: readonly number[];
}

export interface MetricSpec<Name extends string = string> extends Description {
  name: Name;
  type: 'counter' | 'gauge' | 'histogram';
}

const typeOf = (name: string): MetricSpec['type'] =>
  name.endsWith('_total') ? 'counter' : name.endsWith('_duration_seconds') ? 'histogram' : 'gauge';

/** `labels`: those of all of them that are a help alone. */
const specs = <Name extends string>(
  told: Record<Name, string | Description>,
  labels: readonly string[] = [],
): MetricSpec<Name>[] =>
  (Object.entries(told) as [Name, string | Description][]).map(([name, one]) => ({
    name,
    type: typeOf(name),
    ...(typeof one === 'string' ? { help: one, labels } : one),
  }));

export const processMetrics = specs({
  process_cpu_seconds_total: 'Processor time of this process, user and system.',
  process_resident_memory_bytes: 'Memory of this process that is in RAM.',
  process_start_time_seconds: 'When this process was started, in seconds since 1970.',
});

/** Of each worker that is a member. */
export const memberMetrics = specs(
  {
    unet_fleet_member_info: {
      help: 'Always 1: host and device of a worker that is a member.',
      labels: ['worker', 'host', 'device'],
    },
    unet_fleet_member_images_per_second: "A worker's part of the speed, over the last steps.",
    unet_fleet_member_resident_memory_bytes: 'Memory of a worker that is in RAM.',
    unet_fleet_member_gpu_utilization_ratio: "Use of a worker's GPU, 0 to 1, where its driver tells.",
    unet_fleet_member_gpu_memory_bytes: "Memory in use of a worker's GPU, where its driver tells.",
    unet_fleet_member_restarts: 'Times that a worker of this name has joined again after a loss.',
    unet_fleet_member_straggler: '1 for a worker that the others wait for.',
    unet_fleet_member_last_seen_timestamp_seconds:
      "When a worker's last message came, in seconds since 1970.",
  },
  ['worker'],
);

/** Of each score that validations record by class. */
const meanScores = Object.fromEntries(
  recordedScores.map(({ of }) => [
    `unet_fleet_validation_mean_${of}_ratio`,
    `Mean ${classScores[of].title} of the newest validation, 0 to 1.`,
  ]),
) as Record<`unet_fleet_validation_mean_${(typeof recordedScores)[number]['of']}_ratio`, string>;

const ofRun = specs({
  unet_fleet_run_info: { help: 'Always 1: which run this is.', labels: ['run', 'run_id'] },
  unet_fleet_state: { help: '1 for what the run is doing now, 0 for all else.', labels: ['state'] },
  unet_fleet_paused: '1 while a person has paused the run.',
  unet_fleet_broker_connected: '1 while the broker is connected.',
  unet_fleet_step: 'Steps of the run that are committed.',
  unet_fleet_planned_steps: 'Steps that the run is to have.',
  unet_fleet_epoch: 'Epoch of the newest step, from 1.',
  unet_fleet_term: 'Number of the start of this run, from 1.',
  unet_fleet_steps_total: 'Steps committed by this process.',
  unet_fleet_images_total: 'Photos in the steps committed by this process.',
  unet_fleet_step_duration_seconds: {
    help: 'Duration of steps, from the first lease to the commit.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100],
  },
  unet_fleet_step_phase_seconds_total: {
    help: 'Where the time of steps went: fetch, data, compute and send of the slowest worker, reduce and optimize of the coordinator.',
    labels: ['phase'],
  },
  unet_fleet_step_worker_seconds_total:
    'Duration of steps, once for each worker that took part: what their waits are shares of.',
  unet_fleet_step_wait_seconds_total: {
    help: 'Time of steps in which workers did not compute, over all of them, by what they waited for: data (photos), weights, others (workers, leases, the update).',
    labels: ['reason'],
  },
  unet_fleet_train_loss: 'Loss of the newest step.',
  unet_fleet_learning_rate: 'Learning rate of the newest step.',
  unet_fleet_gradient_norm: 'Norm of the mean gradient of the newest step, before clipping.',
  unet_fleet_validations_total: 'Validations by this process.',
  unet_fleet_validation_loss: 'Loss of the newest validation.',
  ...meanScores,
  unet_fleet_validation_pixel_accuracy_ratio: 'Share of right pixels of the newest validation, 0 to 1.',
  unet_fleet_checkpoints_total: 'Durable checkpoints written by this process.',
  unet_fleet_checkpoint_failures_total: 'Checkpoints that could not be written.',
  unet_fleet_checkpoint_write_seconds_total: 'Time of writing checkpoints, beside training.',
  unet_fleet_checkpoint_snapshot_seconds_total: 'The most that training can have waited for checkpoints.',
  unet_fleet_checkpoint_step: 'Step of the newest durable checkpoint.',
  unet_fleet_checkpoint_timestamp_seconds:
    'When the newest durable checkpoint was done, in seconds since 1970.',
  unet_fleet_checkpoint_size_bytes: 'Size of the newest durable checkpoint.',
  unet_fleet_workers: 'Workers that are members of the run.',
  unet_fleet_worker_joins_total: 'Workers that have joined.',
  unet_fleet_worker_departures_total: 'Workers that have left or were lost.',
  unet_fleet_worker_late_total: 'Answers that took longer than nearly all did.',
  unet_fleet_worker_set_aside_total: 'Pauses of workers that keep failing.',
  unet_fleet_leases_repeated_total: 'Leases given to a second worker because the first was late.',
  unet_fleet_leaves_skipped_total: {
    help: 'Leaves with values that are not finite, left out.',
    labels: ['kind'],
  },
  unet_fleet_leaves_retried_total: {
    help: 'Leaves with values that are not finite in bf16, computed again in float32.',
    labels: ['kind'],
  },
  unet_fleet_gradient_outliers_total: 'Leaves whose gradient was far larger than those before.',
  unet_fleet_messages_rejected_total: 'Messages of workers that were not used.',
  unet_fleet_broker_losses_total: 'Times that the broker was lost.',
  unet_fleet_warnings_total: 'Warnings of the run.',
});

export const coordinatorMetrics = [...ofRun, ...memberMetrics];

export const workerMetrics = specs({
  unet_fleet_worker_joined: '1 while this worker is a member of its run.',
  unet_fleet_worker_broker_connected: '1 while the broker is connected.',
  unet_fleet_worker_leaves_total: { help: 'Leaves computed and answered for.', labels: ['kind'] },
  unet_fleet_worker_phase_seconds_total: {
    help: 'Where the time of this worker went: fetch of weights, waiting for data, compute, send, and wait for others from an answer to the next lease.',
    labels: ['phase'],
  },
  unet_fleet_worker_bulk_bytes_total: {
    help: 'Bytes of weights received and of gradients offered, as they travel, without headers.',
    labels: ['direction'],
  },
  unet_fleet_worker_leases_abandoned_total: 'Leases that were overtaken, or whose weights could not be had.',
  unet_fleet_worker_gpu_utilization_ratio: 'Use of the GPU, 0 to 1, where its driver tells.',
  unet_fleet_worker_gpu_memory_bytes: 'Memory in use of the GPU, where its driver tells.',
});
