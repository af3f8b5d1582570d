export {
  type Evaluation,
  type EvaluationStore,
  openEvaluations,
  type SparseConfusion,
} from '@unet-fleet/record';
export * from './broker/credentials/write.ts';
export * from './broker/embedded.ts';
export * from './broker/find.ts';
export * from './live/live-run.ts';
export * from './shell/coordinator-options.ts';
export * from './shell/run-coordinator.ts';
