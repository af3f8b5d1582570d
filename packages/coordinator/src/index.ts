/** A run's coordinator, what it needs of a broker and credentials, and what it shows to those who watch it. */
export {
  type CredentialsReport,
  changeCredentials,
  makeCredentials,
} from './broker/credentials/write.ts';
export { type Broker, startBroker } from './broker/embedded.ts';
export { findNatsServer, type NatsServer, natsServerHere } from './broker/find.ts';
export { isLoopback } from './broker/join-secrets.ts';
export type {
  ControlReply,
  GradientHistograms,
  LiveRun,
  LiveStatus,
  Observer,
  RunControls,
  SampleFacts,
  Segmentation,
  WorkerFacts,
} from './live/live-run.ts';
export type { ModelState, StepUpdate } from './reducer/bucket-owner.ts';
export type { CoordinatorOptions, RunOutcome } from './shell/coordinator-options.ts';
export { configNow } from './shell/options-anew.ts';
export { runCoordinator } from './shell/run-coordinator.ts';
