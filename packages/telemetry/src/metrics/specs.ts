/**
 * Every metric that is served, once: what is registered, what docs/metrics.md lists (a test compares), and what the
 * Grafana dashboard may ask for. Names and units by Prometheus's conventions: base units, `_total` for counters; labels
 * have few values, and the names of workers are on gauges alone, which go with their worker.
 */

export interface MetricSpec {
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels?: readonly string[];
  /** Upper edges, for a histogram. */
  buckets?: readonly number[];
}

const specs = <const T extends readonly MetricSpec[]>(list: T): T => list;

export const processMetrics = specs([
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'Processor time of this process, user and system.',
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory of this process that is in RAM.',
  },
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    help: 'When this process was started, in seconds since 1970.',
  },
]);

export const coordinatorMetrics = specs([
  {
    name: 'unet_fleet_run_info',
    type: 'gauge',
    help: 'Always 1: which run this is.',
    labels: ['run', 'run_id'],
  },
  {
    name: 'unet_fleet_state',
    type: 'gauge',
    help: '1 for what the run is doing now, 0 for all else.',
    labels: ['state'],
  },
  { name: 'unet_fleet_paused', type: 'gauge', help: '1 while a person has paused the run.' },
  { name: 'unet_fleet_broker_connected', type: 'gauge', help: '1 while the broker is connected.' },
  { name: 'unet_fleet_step', type: 'gauge', help: 'Steps of the run that are committed.' },
  { name: 'unet_fleet_planned_steps', type: 'gauge', help: 'Steps that the run is to have.' },
  { name: 'unet_fleet_epoch', type: 'gauge', help: 'Epoch of the newest step, from 1.' },
  { name: 'unet_fleet_term', type: 'gauge', help: 'Number of the start of this run, from 1.' },
  {
    name: 'unet_fleet_steps_total',
    type: 'counter',
    help: 'Steps committed by this process.',
  },
  {
    name: 'unet_fleet_images_total',
    type: 'counter',
    help: 'Photos in the steps committed by this process.',
  },
  {
    name: 'unet_fleet_step_duration_seconds',
    type: 'histogram',
    help: 'Duration of steps, from the first lease to the commit.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100],
  },
  {
    name: 'unet_fleet_step_phase_seconds_total',
    type: 'counter',
    help: 'Where the time of steps went: fetch, data, compute and send of the slowest worker, reduce and optimize of the coordinator.',
    labels: ['phase'],
  },
  { name: 'unet_fleet_train_loss', type: 'gauge', help: 'Loss of the newest step.' },
  { name: 'unet_fleet_learning_rate', type: 'gauge', help: 'Learning rate of the newest step.' },
  {
    name: 'unet_fleet_gradient_norm',
    type: 'gauge',
    help: 'Norm of the mean gradient of the newest step, before clipping.',
  },
  { name: 'unet_fleet_validations_total', type: 'counter', help: 'Validations by this process.' },
  { name: 'unet_fleet_validation_loss', type: 'gauge', help: 'Loss of the newest validation.' },
  {
    name: 'unet_fleet_validation_mean_iou_ratio',
    type: 'gauge',
    help: 'Mean IoU of the newest validation, 0 to 1.',
  },
  {
    name: 'unet_fleet_validation_pixel_accuracy_ratio',
    type: 'gauge',
    help: 'Share of right pixels of the newest validation, 0 to 1.',
  },
  {
    name: 'unet_fleet_checkpoints_total',
    type: 'counter',
    help: 'Durable checkpoints written by this process.',
  },
  {
    name: 'unet_fleet_checkpoint_failures_total',
    type: 'counter',
    help: 'Checkpoints that could not be written.',
  },
  {
    name: 'unet_fleet_checkpoint_write_seconds_total',
    type: 'counter',
    help: 'Time of writing checkpoints, beside training.',
  },
  {
    name: 'unet_fleet_checkpoint_snapshot_seconds_total',
    type: 'counter',
    help: 'The most that training can have waited for checkpoints.',
  },
  { name: 'unet_fleet_checkpoint_step', type: 'gauge', help: 'Step of the newest durable checkpoint.' },
  {
    name: 'unet_fleet_checkpoint_timestamp_seconds',
    type: 'gauge',
    help: 'When the newest durable checkpoint was done, in seconds since 1970.',
  },
  {
    name: 'unet_fleet_checkpoint_size_bytes',
    type: 'gauge',
    help: 'Size of the newest durable checkpoint.',
  },
  { name: 'unet_fleet_workers', type: 'gauge', help: 'Workers that are members of the run.' },
  { name: 'unet_fleet_worker_joins_total', type: 'counter', help: 'Workers that have joined.' },
  {
    name: 'unet_fleet_worker_departures_total',
    type: 'counter',
    help: 'Workers that have left or were lost.',
  },
  {
    name: 'unet_fleet_worker_late_total',
    type: 'counter',
    help: 'Answers that took longer than nearly all did.',
  },
  {
    name: 'unet_fleet_worker_set_aside_total',
    type: 'counter',
    help: 'Pauses of workers that keep failing.',
  },
  {
    name: 'unet_fleet_leases_repeated_total',
    type: 'counter',
    help: 'Leases given to a second worker because the first was late.',
  },
  {
    name: 'unet_fleet_leaves_skipped_total',
    type: 'counter',
    help: 'Leaves with values that are not finite, left out.',
    labels: ['kind'],
  },
  {
    name: 'unet_fleet_gradient_outliers_total',
    type: 'counter',
    help: 'Leaves whose gradient was far larger than those before.',
  },
  {
    name: 'unet_fleet_messages_rejected_total',
    type: 'counter',
    help: 'Messages of workers that were not used.',
  },
  { name: 'unet_fleet_broker_losses_total', type: 'counter', help: 'Times that the broker was lost.' },
  { name: 'unet_fleet_warnings_total', type: 'counter', help: 'Warnings of the run.' },
  {
    name: 'unet_fleet_member_info',
    type: 'gauge',
    help: 'Always 1: host and device of a worker that is a member.',
    labels: ['worker', 'host', 'device'],
  },
  {
    name: 'unet_fleet_member_images_per_second',
    type: 'gauge',
    help: "A worker's part of the speed, over the last steps.",
    labels: ['worker'],
  },
  {
    name: 'unet_fleet_member_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory of a worker that is in RAM.',
    labels: ['worker'],
  },
  {
    name: 'unet_fleet_member_gpu_utilization_ratio',
    type: 'gauge',
    help: "Use of a worker's GPU, 0 to 1, where its driver tells.",
    labels: ['worker'],
  },
  {
    name: 'unet_fleet_member_gpu_memory_bytes',
    type: 'gauge',
    help: "Memory in use of a worker's GPU, where its driver tells.",
    labels: ['worker'],
  },
  {
    name: 'unet_fleet_member_restarts',
    type: 'gauge',
    help: 'Times that a worker of this name has joined again after a loss.',
    labels: ['worker'],
  },
  {
    name: 'unet_fleet_member_straggler',
    type: 'gauge',
    help: '1 for a worker that the others wait for.',
    labels: ['worker'],
  },
  {
    name: 'unet_fleet_member_last_seen_timestamp_seconds',
    type: 'gauge',
    help: "When a worker's last message came, in seconds since 1970.",
    labels: ['worker'],
  },
]);

export const workerMetrics = specs([
  { name: 'unet_fleet_worker_joined', type: 'gauge', help: '1 while this worker is a member of its run.' },
  {
    name: 'unet_fleet_worker_broker_connected',
    type: 'gauge',
    help: '1 while the broker is connected.',
  },
  {
    name: 'unet_fleet_worker_leaves_total',
    type: 'counter',
    help: 'Leaves computed and answered for.',
    labels: ['kind'],
  },
  {
    name: 'unet_fleet_worker_phase_seconds_total',
    type: 'counter',
    help: 'Where the time of leaves went: fetch of weights, data, compute, send.',
    labels: ['phase'],
  },
  {
    name: 'unet_fleet_worker_leases_abandoned_total',
    type: 'counter',
    help: 'Leases that were overtaken, or whose weights could not be had.',
  },
  {
    name: 'unet_fleet_worker_gpu_utilization_ratio',
    type: 'gauge',
    help: 'Use of the GPU, 0 to 1, where its driver tells.',
  },
  {
    name: 'unet_fleet_worker_gpu_memory_bytes',
    type: 'gauge',
    help: 'Memory in use of the GPU, where its driver tells.',
  },
]);

type NamesOf<T extends readonly MetricSpec[], K extends MetricSpec['type']> = Extract<
  T[number],
  { type: K }
>['name'];
export type CounterOf<T extends readonly MetricSpec[]> = NamesOf<T, 'counter'>;
export type GaugeOf<T extends readonly MetricSpec[]> = NamesOf<T, 'gauge'>;
export type HistogramOf<T extends readonly MetricSpec[]> = NamesOf<T, 'histogram'>;
