/**
 * A run from its first look at the data to its last checkpoint: its parts are made, started, drained when the core has
 * ended the run, and stopped in the reverse order of their making whatever happens.
 */
import { basename, join } from 'node:path';
import { idleWorkersNote, maxLeaves, numSteps, reachedMoment, stepsPerEpoch } from '@unet-fleet/law';
import { createOptimizer } from '@unet-fleet/numerics';
import { bestCheckpointName, lockLost } from '@unet-fleet/record';
import { flushGoodbye } from '@unet-fleet/wire/transport/connect';
import { findNatsServer } from '../broker/find.ts';
import { createControls } from '../live/controls.ts';
import { liveStatusOf } from '../live/open-lookout.ts';
import { runView } from '../live/run-view.ts';
import { startObservers } from '../live/watchers.ts';
import { Abort } from './abort.ts';
import { Cleanups } from './cleanups.ts';
import type { CoordinatorOptions, RunOutcome } from './coordinator-options.ts';
import { type PreparedRun, prepareRun } from './prepare-run.ts';
import { Recorder } from './recorder.ts';
import { openRunBroker, type RunBroker } from './run-broker.ts';
import { crowdedNote, slowPrecisionNote, startedEvent } from './run-facts.ts';
import { makeParts, type RunParts } from './run-parts.ts';
import { writeStatusWhile } from './status-writer.ts';
import { brokerEventsOf, handlersOf, portsOf } from './switchboard.ts';
import { Teller } from './teller.ts';

/**
 * Runs to the end, or until it is asked to stop. Throws a UserError for whatever a person can mend; the run folder then
 * holds the newest checkpoint, from which --resume goes on.
 */
export async function runCoordinator(options: CoordinatorOptions): Promise<RunOutcome> {
  const cleanups = new Cleanups();
  let outcome: RunOutcome;
  try {
    outcome = await run(options, cleanups);
  } catch (error) {
    // What went wrong first is what a person must know.
    await cleanups.run().catch((also: Error) => options.log.warn({ err: also }, 'could not be undone'));
    throw error;
  }
  await cleanups.run();
  return outcome;
}

async function run(options: CoordinatorOptions, cleanups: Cleanups): Promise<RunOutcome> {
  const aborted = new Abort();
  const teller = new Teller(options.onEvent);
  const run = await prepare(options, aborted, teller, cleanups);
  const recorder = openRecorder(options, run, teller, cleanups);
  const broker = await openBroker(options, run, aborted, teller, cleanups);
  announce(options, run, broker, teller, recorder);
  const parts = await makeParts({ aborted, teller, run, broker }, options, cleanups);
  start(parts, options, cleanups);
  let farewell = { reason: 'the run has failed', isComplete: false };
  try {
    const { reason } = await Promise.race([parts.conductor.ended, aborted.raised]);
    await parts.record.drain();
    farewell = { reason: `the run is ${reason}`, isComplete: reason !== 'stopped' };
    const outcome = outcomeOf(parts, reason);
    teller.emit({ type: 'finished', ...outcome });
    return outcome;
  } finally {
    await takeLeave(parts, options, farewell);
  }
}

/** Data, run folder and lock. */
async function prepare(
  options: CoordinatorOptions,
  aborted: Abort,
  teller: Teller,
  cleanups: Cleanups,
): Promise<PreparedRun> {
  // What is missing for a broker is known before a long scan, not after it.
  if (!options.config.broker.natsUrl) await findNatsServer();
  const run = await prepareRun({
    ...options,
    slotNames: createOptimizer(options.config.train).slots,
    onNote: (message) => teller.note(message),
    onWarning: (message) => teller.warn(message),
    onLockLost: () => aborted.raise(lockLost(options.config.run.runDir)),
  });
  cleanups.add(() => run.lock.release());
  return run;
}

function openRecorder(
  { resume }: CoordinatorOptions,
  { lock, paths, progress }: PreparedRun,
  teller: Teller,
  cleanups: Cleanups,
): Recorder {
  const recorder = new Recorder(
    paths.root,
    paths.metrics,
    resume ? reachedMoment(progress) : null,
    basename(paths.root),
    (message) => teller.warn(message),
    () => lock.isHeld(),
  );
  cleanups.add(() => recorder.close());
  return recorder;
}

function openBroker(
  options: CoordinatorOptions,
  { config, folder, paths }: PreparedRun,
  aborted: Abort,
  teller: Teller,
  cleanups: Cleanups,
): Promise<RunBroker> {
  return openRunBroker(config, folder.record.runId, paths.root, cleanups, {
    onFatal: aborted.raise,
    onWarning: (message) => teller.warn(message),
    onWait: (reason) => options.onBrokerWait?.(reason),
    patienceMs: options.brokerPatienceMs ?? 0,
    signal: options.signal,
  });
}

/** The first that is told: how the run begins, and what a person may want to have otherwise. */
function announce(
  options: CoordinatorOptions,
  run: PreparedRun,
  broker: RunBroker,
  teller: Teller,
  recorder: Recorder,
): void {
  const { changed, config, intraOpThreads, plan } = run;
  teller.begin(startedEvent(run, broker.address.url), recorder);
  for (const event of changed) teller.emit(event);
  if (broker.joinUrl !== null) options.onJoinUrl?.(broker.joinUrl);
  const { workers } = config.run;
  const notes = [
    idleWorkersNote(workers, maxLeaves(plan), config.train),
    crowdedNote(workers, intraOpThreads),
    slowPrecisionNote(config.engine, workers),
  ];
  for (const note of notes) if (note) teller.warn(note);
}

/** From here on the run goes on by itself. What hears is there before what speaks. */
function start(parts: RunParts, options: CoordinatorOptions, cleanups: Cleanups): void {
  const { broker, conductor, control, memory, reducers, run, workers } = parts;
  const { runId } = run.folder.record;
  const facts = { runId, term: run.lock.term, numReducers: reducers.numReducers };
  options.log.info({ ...facts, sharedMemory: memory?.folder }, 'run started');
  conductor.connect(portsOf(parts));
  control.listen(handlersOf(parts, options.softwareVersion));
  const stop = () => conductor.feed({ type: 'stop-requested' });
  options.signal.addEventListener('abort', stop);
  cleanups.add(() => options.signal.removeEventListener('abort', stop));
  const status = startWatching(parts, options, cleanups);
  conductor.start();
  broker.listen(brokerEventsOf(parts));
  cleanups.add(writeStatusWhile(run.paths.root, status, () => run.lock.isHeld()));
  workers.start();
  if (options.signal.aborted) stop();
}

/** Starts the observers; returns what tells the run's status. */
function startWatching(parts: RunParts, options: CoordinatorOptions, cleanups: Cleanups) {
  const { conductor, followed, gradients, lookout, record, run, segmenter, teller, workers } = parts;
  const { folder, interventions, lock, plan } = run;
  const facts = { runId: folder.record.runId, term: lock.term, numSteps: numSteps(plan) };
  const status = () => liveStatusOf(conductor.status, { ...facts, checkpoint: record.checkpoint }, lookout);
  const warn = (message: string) => teller.warn(message);
  const live = runView({
    run,
    followed,
    listeners: teller.listeners,
    gradients,
    warn,
    controls: createControls({
      conductor,
      interventions,
      numStepsPerEpoch: stepsPerEpoch(plan),
      isLocal: (name) => workers.has(name),
    }),
    status,
    segment: (photo) => segmenter.segment(photo),
  });
  cleanups.add(startObservers(options.observers ?? [], live, warn));
  return status;
}

/** Nothing is decided any more, and whoever listens is told why. */
async function takeLeave(
  { broker, conductor, control }: RunParts,
  { log }: CoordinatorOptions,
  farewell: { reason: string; isComplete: boolean },
): Promise<void> {
  log.info({ ...control.dropped, core: conductor.dropped }, 'messages dropped');
  conductor.stop();
  if (!broker.connection.isClosed()) control.end(farewell);
  await flushGoodbye(broker.connection);
}

function outcomeOf({ record, run }: RunParts, reason: RunOutcome['reason']): RunOutcome {
  const { last } = record;
  if (!last) throw new Error('a run ended without a checkpoint');
  const best = bestCheckpointName(run.paths.checkpoints);
  return {
    reason,
    runDir: run.paths.root,
    step: last.step,
    weightsSha256: last.weightsSha256,
    lastCheckpoint: last.path,
    bestCheckpoint: best && join(run.paths.checkpoints, best),
  };
}
