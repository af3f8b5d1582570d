/**
 * A run from its first look at the data to its last checkpoint: its parts are made, started, drained when the core has
 * ended the run, and stopped in the reverse order of their making whatever happens.
 */
import { basename, join } from 'node:path';
import {
  idleWorkersNote,
  maxLeaves,
  numSteps,
  reachedMoment,
  stepsPerEpoch,
  stepTo,
  type Version,
} from '@unet-fleet/law';
import { createOptimizer } from '@unet-fleet/numerics';
import { bestCheckpointName, lockLost } from '@unet-fleet/record';
import { flushGoodbye } from '@unet-fleet/wire/transport/connect';
import { findNatsServer } from '../broker/find.ts';
import { createControls } from '../live/controls.ts';
import { liveStatusOf } from '../live/open-lookout.ts';
import { runView } from '../live/run-view.ts';
import { startObservers } from '../live/watchers.ts';
import { ReducerLost } from '../reducer/failure.ts';
import { Abort } from './abort.ts';
import { type Cleanups, withCleanups } from './cleanups.ts';
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
  const onAlso = (also: Error) => options.log.warn({ err: also }, 'could not be undone');
  return withCleanups(async (cleanups) => {
    const aborted = new Abort();
    const teller = new Teller(options.onEvent);
    let broker: RunBroker | null = null;
    const open = async (run: PreparedRun) => {
      broker ??= await openBroker(options, run, aborted, teller, cleanups);
      return broker;
    };
    const attempts = new Attempts();
    const first: Attempt = { options, aborted, teller, open, attempts };
    // The join URLs have been told, and are the same.
    const { onJoinUrls: _, ...later } = options;
    const next: Attempt = { ...first, options: { ...later, resume: { checkpoint: null } } };
    for (let attempt = first; ; attempt = next) {
      const outcome = await withCleanups((ofAttempt) => run(attempt, ofAttempt), onAlso);
      if (outcome) return outcome;
    }
  }, onAlso);
}

interface Attempt {
  options: CoordinatorOptions;
  aborted: Abort;
  teller: Teller;
  /** The broker of all attempts: workers and reducers find it where it was. */
  open(run: PreparedRun): Promise<RunBroker>;
  attempts: Attempts;
}

/**
 * One start of the run, with a term of its own. Null where a reducer was lost, and with it the weights: as after a
 * coordinator's restart, the next start goes on from the last checkpoint.
 */
async function run(
  { aborted, attempts, open, options, teller }: Attempt,
  cleanups: Cleanups,
): Promise<RunOutcome | null> {
  const run = await prepare(options, aborted, teller, cleanups);
  const recorder = openRecorder(options, run, teller, cleanups);
  cleanups.add(() => teller.pause());
  const broker = await open(run);
  announce(options, run, broker, teller, recorder);
  const mayRecruit = attempts.begin(run.progress.version);
  if (!mayRecruit) {
    teller.warn(
      'reducers were lost again and again since the last checkpoint: the coordinator reduces itself',
    );
  }
  let parts: RunParts | null = null;
  let farewell = { reason: 'the run has failed', isComplete: false };
  try {
    parts = await makeParts({ aborted, teller, run, broker, mayRecruit }, options, cleanups);
    start(parts, options, cleanups);
    const { conductor, record, reducerLost } = parts;
    const { reason } = await Promise.race([conductor.ended, aborted.raised, reducerLost]);
    await record.drain();
    farewell = { reason: `the run is ${reason}`, isComplete: reason !== 'stopped' };
    const outcome = outcomeOf(parts, reason);
    teller.emit({ type: 'finished', ...outcome });
    return outcome;
  } catch (error) {
    if (!(error instanceof ReducerLost)) throw error;
    farewell.reason = 'a reducer is lost, and the run begins anew from its last checkpoint';
    const step = stepTo(parts?.conductor.state.progress.version ?? run.progress.version);
    teller.emit({ type: 'reducer-lost', reducer: error.reducer, reason: error.message, step });
    return null;
  } finally {
    if (parts) await takeLeave(parts, options, farewell);
  }
}

/** Losses in a row, without a checkpoint between them, after which no reducers of other processes are sought. */
const maxBarren = 3;

/** Whether going back helps: reducers that die each time before the next checkpoint would keep the run where it is. */
class Attempts {
  #version = -1;
  #numBarren = 0;

  /** Whether reducers of other processes may be sought for the start that goes on from this version. */
  begin(version: Version): boolean {
    this.#numBarren = version === this.#version ? this.#numBarren + 1 : 0;
    this.#version = version;
    return this.#numBarren < maxBarren;
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
  if (broker.joinUrls !== null) options.onJoinUrls?.(broker.joinUrls);
  for (const event of changed) teller.emit(event);
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
