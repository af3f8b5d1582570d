/** What stays of a run: its folder, checkpoints, ledger, metrics and evaluations, how they are written and read again. */
export { type FileOperations, realFiles, replaceFile } from './checkpoint/files.ts';
export {
  bestCheckpoint,
  bestCheckpointName,
  holdsCheckpoint,
  listCheckpoints,
  newestGoodCheckpoint,
  openCheckpoint,
  pruneCheckpoints,
  removeCheckpoints,
} from './checkpoint/folder.ts';
export {
  type CheckpointFacts,
  type CheckpointVectors,
  checkpointName,
  files,
  type Manifest,
  stepOfName,
} from './checkpoint/manifest.ts';
export { DamagedCheckpoint, loadCheckpoint, readManifest, verifyCheckpoint } from './checkpoint/read.ts';
export {
  type CheckpointContent,
  tidyCheckpoints,
  type WrittenCheckpoint,
  weightsSha256,
  writeCheckpoint,
} from './checkpoint/write.ts';
export { CheckpointWriter, type WriteResult } from './checkpoint/writer.ts';
export { eventsIn, standingEventsIn } from './course/recorded-events.ts';
export { addEvent, bestOf, emptyCourse, maxShownEvents, type RunCourse } from './course/run-course.ts';
export { RunReader } from './course/run-reader.ts';
export { inflateClasses } from './evaluations/class-maps.ts';
export { EvaluationWriter, type Validation } from './evaluations/evaluation-writer.ts';
export {
  type Evaluation,
  type EvaluationStore,
  openEvaluations,
  type SparseConfusion,
} from './evaluations/evaluations.ts';
export {
  comesOf,
  Interventions,
  interventionsOf,
  maxLearningRate,
  plannedOf,
  readInterventions,
} from './run-folder/interventions.ts';
export { Ledger, readLedger } from './run-folder/ledger.ts';
export { type LedgerAnswer, type LedgerLine, numbersSha256 } from './run-folder/ledger-line.ts';
export { type LedgerSummary, type NotableLeaf, summarize } from './run-folder/ledger-summary.ts';
export { acquireRunLock, lockLost, type RunLock } from './run-folder/lock.ts';
export { MetricsFile } from './run-folder/metrics.ts';
export { otherVersionNote, unrecordedNote } from './run-folder/older-runs.ts';
export { type ProcessIdentity, processIsAlive, thisProcess } from './run-folder/process-identity.ts';
export {
  assertNotBegun,
  assertSameRun,
  createRunFolder,
  hasBegun,
  holdsRun,
  identitySha256,
  openRunFolder,
  planOf,
  type RunFolder,
  restoreRunFolder,
  runPaths,
} from './run-folder/run-folder.ts';
export {
  type LiveStatus,
  type RecordedStatus,
  readStatus,
  runStatusOf,
  type StatusSource,
  stateOf,
  type WorkerFacts,
  writeStatus,
} from './run-folder/status.ts';
export type { StepHashes } from './run-folder/step-hashes.ts';
export { StepSamples, samplesSha256 } from './run-folder/step-samples.ts';
