/**
 * The law: what a run computes, as pure functions of its config, data and seed. Plan, tree, random numbers, schedules,
 * metrics, and the model as a graph; the words that all of it is told in. No Node, no clock, no library.
 */
export * from './config/entry-options.ts';
export * from './config/leaves.ts';
export * from './config/mask-values.ts';
export * from './config/option-spec.ts';
export * from './config/schema.ts';
export * from './config/types.ts';
export * from './course/interventions.ts';
export type * from './course/progress.ts';
export type * from './course/status.ts';
export type * from './course/step-record.ts';
export * from './errors.ts';
export * from './event-text.ts';
export * from './events.ts';
export * from './figures.ts';
export * from './losses/index.ts';
export * from './metrics/class-scores/index.ts';
export * from './metrics/confusion.ts';
export * from './metrics/metrics.ts';
export * from './metrics/outliers.ts';
export type * from './model/architecture-options.ts';
export * from './model/architectures/index.ts';
export * from './model/cost.ts';
export * from './model/describe.ts';
export * from './model/graph.ts';
export * from './model/graph-builder.ts';
export * from './model/initialize.ts';
export * from './model/lifetimes.ts';
export * from './model/options.ts';
export * from './model/sides.ts';
export * from './model/torch-layout.ts';
export * from './model/types.ts';
export { integerPower } from './optimizers/adam-scalars.ts';
export * from './optimizers/index.ts';
export type * from './optimizers/optimizer.ts';
export * from './plan/buckets.ts';
export * from './plan/plan.ts';
export * from './plan/rounds.ts';
export * from './plan/tree.ts';
export * from './plan/version.ts';
export * from './printable.ts';
export * from './rng.ts';
export * from './schedule/early-stopping.ts';
export type * from './schedule/rule.ts';
export * from './schedule/schedule.ts';
export * from './schedule/schedules.ts';
