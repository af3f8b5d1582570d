/**
 * A run from its first look at the data to its last checkpoint: puts data, run folder, broker, reducers, control plane
 * and core together, and takes them apart in the reverse order whatever happens.
 */
import { basename, join } from 'node:path';
import { createOptimizer } from '@unet-fleet/numerics';
import {
  type Config,
  idleWorkersNote,
  maxLeaves,
  maxPayloadOf,
  numSteps,
  type RunEvent,
  stepsPerEpoch,
  subjectsOf,
  UserError,
} from '@unet-fleet/shared';
import { flushGoodbye } from '@unet-fleet/shared/transport/connect';
import { findNatsServer } from '../broker/find.ts';
import { bestCheckpointName } from '../checkpoint/folder.ts';
import { CheckpointWriter } from '../checkpoint/writer.ts';
import { startFileServer } from '../files/start.ts';
import { createControls } from '../live/controls.ts';
import { GradientWatchers } from '../live/gradient-watchers.ts';
import type { Observer } from '../live/live-run.ts';
import { liveStatusOf, openLookout, openSegmenter } from '../live/open-lookout.ts';
import { runView } from '../live/run-view.ts';
import { startObservers } from '../live/watchers.ts';
import { Ledger } from '../run-folder/ledger.ts';
import { lockLost } from '../run-folder/lock.ts';
import { restoreRunFolder } from '../run-folder/run-folder.ts';
import { StepSamples } from '../run-folder/step-samples.ts';
import { Abort } from './abort.ts';
import { refusalOfVersion } from './admission.ts';
import { Cleanups } from './cleanups.ts';
import { Conductor, type Ports } from './conductor.ts';
import { ControlPlane } from './control.ts';
import { Fleet } from './fleet.ts';
import { LocalWorkers } from './local-workers.ts';
import { type PreparedRun, prepareRun } from './prepare-run.ts';
import { Recorder } from './recorder.ts';
import { openRunBroker } from './run-broker.ts';
import {
  constantFacts,
  coreConfig,
  crowdedNote,
  samplesOfLeaf,
  startedEvent,
  welcomeOf,
} from './run-facts.ts';
import { Snapshots } from './snapshots.ts';
import { startReducers } from './start-reducers.ts';
import { writeStatusWhile } from './status-writer.ts';
import { Teller } from './teller.ts';

export interface CoordinatorOptions {
  config: Config;
  /** Continue the run of the run folder, from its newest good checkpoint or the one that is named; null: a new run. */
  resume: { checkpoint: string | null } | null;
  /** How long to wait for a broker that is not there yet; 0 unless it is given. */
  brokerPatienceMs?: number;
  /** Told why, before the wait for it; nothing else is told yet. */
  onBrokerWait?(reason: string): void;
  /** Program and arguments that start a worker on this machine; told broker and run by its environment. */
  workerCommand: readonly string[];
  cacheDir: string;
  softwareVersion: string;
  onEvent(event: RunEvent): void;
  /** By which workers of other machines join; holds a secret, so it is no event. Told once, where there is one. */
  onJoinUrl?(url: string): void;
  onScanProgress(numDone: number, numPairs: number): void;
  /** For the log: what the run's events do not say. */
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Asks the run to stop: the step under way is finished and a checkpoint written. */
  signal: AbortSignal;
  /** Who watches and steers the run: told of it once it is there, and closed at its end. */
  observers?: readonly Observer[];
  /** Told once of a function that ends the worker processes at once. */
  onKillable(kill: () => void): void;
}

export interface RunOutcome {
  reason: 'completed' | 'early-stopping' | 'stopped';
  runDir: string;
  step: number;
  weightsSha256: string;
  lastCheckpoint: string;
  bestCheckpoint: string | null;
}

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
  const { slots } = createOptimizer(options.config.train);
  // What is missing for a broker is known before a long scan, not after it.
  if (!options.config.broker.natsUrl) await findNatsServer();
  const run = await prepareRun({
    ...options,
    slotNames: slots,
    onNote: (message) => teller.note(message),
    onWarning: (message) => teller.warn(message),
    onLockLost: () => aborted.raise(lockLost(options.config.run.runDir)),
  });
  cleanups.add(() => run.lock.release());
  const { config, folder, paths, plan, model, progress } = run;
  const { runId } = folder.record;
  const title = basename(paths.root);
  const mayWrite = () => run.lock.isHeld();
  const recorder = new Recorder(
    paths.root,
    paths.metrics,
    options.resume ? progress : null,
    title,
    (message) => teller.warn(message),
    mayWrite,
  );
  cleanups.add(() => recorder.close());
  const broker = await openRunBroker(config, runId, paths.root, cleanups, {
    onFatal: aborted.raise,
    onWarning: (message) => teller.warn(message),
    onWait: (reason) => options.onBrokerWait?.(reason),
    patienceMs: options.brokerPatienceMs ?? 0,
    signal: options.signal,
  });
  const { connection } = broker;
  teller.begin(startedEvent(run, broker.address.url), recorder);
  for (const event of run.changed) teller.emit(event);
  if (broker.joinUrl !== null) options.onJoinUrl?.(broker.joinUrl);
  const idle = idleWorkersNote(config.run.workers, maxLeaves(plan), config.train);
  if (idle) teller.warn(idle);
  const crowded = crowdedNote(config.run.workers, run.intraOpThreads);
  if (crowded) teller.warn(crowded);

  const { reducers, memory } = await startReducers(run, broker.address, cleanups, {
    onFault: (workerId, what) => control.fault(workerId, what),
    onWait: (reason) => teller.warn(`the reducers wait for the broker: ${reason}`),
  });
  const files = startFileServer(run, broker.address, cleanups, {
    fault: (workerId, what) => control.fault(workerId, what),
    warning: (message) => teller.warn(message),
  });
  const gradients = new GradientWatchers({ plan, validateEvery: config.train.validateEvery }, (message) =>
    teller.warn(message),
  );
  reducers.watchGradients(gradients);
  const ledger = new Ledger(paths.ledger, progress.version, {
    term: run.lock.term,
    samples: new StepSamples(plan, folder.split.train),
    mayWrite,
    onWarning: (message) => teller.warn(message),
  });
  cleanups.add(() => ledger.close());
  const writer = new CheckpointWriter({
    checkpoints: paths.checkpoints,
    keep: config.run.keepCheckpoints,
    fence: { runFolder: paths.root, term: run.lock.term },
  });
  cleanups.add(() => writer.close());
  const { lookout, evaluations, followed } = openLookout(run, teller);
  cleanups.add(() => evaluations.flushed());
  const fleet = new Fleet(run, config.engine.allowMixedEngines, lookout);
  let { numBatchesTracked } = run;
  let checkpoint: { step: number; at: string } | null = null;
  const snapshots = new Snapshots({
    model,
    plan,
    slotNames: slots,
    reducers,
    writer,
    constantFacts: constantFacts(run),
    engines: () => fleet.engines,
    numBatchesTracked: () => numBatchesTracked,
    mayWrite,
    restoreFolder: () => {
      if (!mayWrite() || !restoreRunFolder(paths.root, folder)) return;
      run.interventions.restore();
      teller.warn(`${paths.root} was removed: what the run needs to be continued is written there again`);
    },
    onWarning: (message) => teller.warn(message),
  });
  const ports: Ports = {
    send: (workerId, message) => control.send(workerId, lookout.outgoing(workerId, message)),
    broadcast: (message) => control.broadcast(message),
    reducers,
    sharesMemory: (workerId) => fleet.sharesMemory(workerId),
    now: () => performance.now(),
    forget: (workerId) => {
      fleet.forget(workerId);
      segmenter.lost(workerId);
      return reducers.forgetPeer(workerId);
    },
    samplesOf: (kind, step, leaf) => samplesOfLeaf(run, kind, step, leaf),
    record: (record, own) => {
      numBatchesTracked += record.numLeaves - record.skippedLeaves.length;
      ledger.append(record, reducers.stepHashes());
      lookout.recorded(record, own);
    },
    counted: (answer) => lookout.counted(answer),
    emit: (event) => teller.emit(lookout.event(event)),
    writeCheckpoint: async (effect) => {
      const saved = await snapshots.write(effect);
      // What a replay begins with has the lines of its steps.
      await ledger.flush();
      if (!saved) return;
      const { written, snapshotMs, writeMs } = saved;
      const { step, path, sizeBytes } = written;
      checkpoint = { step, at: new Date().toISOString() };
      teller.emit({ type: 'checkpoint', step, path, isBest: effect.isBest, sizeBytes, snapshotMs, writeMs });
    },
  };
  const conductor = new Conductor(coreConfig(run), progress, config.train, ports, run.interventions.all);
  const control: ControlPlane = new ControlPlane(connection, subjectsOf(runId), runId, run.lock.term, {
    welcome: (request) =>
      refusalOfVersion(request, options.softwareVersion) ??
      welcomeOf(run, reducers.numReducers, memory, files),
    numWorkers: () => conductor.numWorkers,
    tooLarge: (error) => aborted.raise(error),
    rejected: (workerId, reason) => lookout.rejected(fleet.nameOf(workerId), reason),
    cutOff: (workerId, reason) => {
      teller.warn(`${fleet.nameOf(workerId)}: ${reason}`);
      conductor.feed({ type: 'worker-gone', workerId, reason, isFailure: true });
    },
    hears: (workerId, message) => conductor.hears(workerId, message),
    message: (workerId, message) => {
      if (message.type === 'segmented') {
        segmenter.received(workerId, message);
        return;
      }
      const refusal = fleet.receive(workerId, message, conductor);
      if (refusal === null) {
        if (message.type === 'ready') workers.joined(message.name);
        return;
      }
      control.send(workerId, { type: 'refusal', reason: refusal });
      teller.warn(refusal);
    },
  });
  cleanups.add(() => control.close());
  cleanups.add(() => conductor.stop());
  const segmenter = openSegmenter(
    run,
    lookout,
    () => conductor.status.workers,
    (workerId, message) => control.send(workerId, message),
    maxPayloadOf(connection),
  );
  cleanups.add(() => segmenter.close());

  const workers: LocalWorkers = new LocalWorkers({
    numWorkers: config.run.workers,
    command: options.workerCommand,
    envOf: (slot) => ({ ...process.env, ...broker.workerEnvironment(slot) }),
    onWarning: (message) => teller.warn(message),
    onFatal: (message) => aborted.raise(new UserError(message)),
    onEnded: (instance, reason, isFailure) => {
      for (const workerId of fleet.idsOf(instance)) {
        conductor.feed({ type: 'worker-gone', workerId, reason, isFailure });
      }
    },
  });
  options.onKillable(() => workers.kill());
  cleanups.add(() => workers.stop());
  const stop = () => conductor.feed({ type: 'stop-requested' });
  options.signal.addEventListener('abort', stop);
  cleanups.add(() => options.signal.removeEventListener('abort', stop));

  const { term } = run.lock;
  options.log.info(
    { runId, term, numReducers: reducers.numReducers, sharedMemory: memory?.folder },
    'run started',
  );
  const facts = { runId, term, numSteps: numSteps(plan) };
  const source = () => ({ ...facts, checkpoint });
  const status = () => liveStatusOf(conductor.status, source(), lookout);
  const live = runView({
    run,
    followed,
    listeners: teller.listeners,
    gradients,
    warn: (message) => teller.warn(message),
    controls: createControls({
      conductor,
      interventions: run.interventions,
      numStepsPerEpoch: stepsPerEpoch(plan),
      isLocal: (name) => workers.has(name),
    }),
    status,
    segment: (photo) => segmenter.segment(photo),
  });
  cleanups.add(startObservers(options.observers ?? [], live, (message) => teller.warn(message)));
  conductor.start();
  broker.listen({
    onLost: (reason) => conductor.feed({ type: 'broker-lost', reason }),
    onBack: () => conductor.feed({ type: 'broker-back' }),
    onDisconnect: (workerId) => conductor.feed({ type: 'worker-disconnected', workerId }),
  });
  cleanups.add(writeStatusWhile(paths.root, status, mayWrite));
  workers.start();
  if (options.signal.aborted) stop();
  let farewell = { reason: 'the run has failed', isComplete: false };
  try {
    const { reason } = await Promise.race([conductor.ended, aborted.raised]);
    await evaluations.flushed();
    farewell = { reason: `the run is ${reason}`, isComplete: reason !== 'stopped' };
    const outcome = outcomeOf(run, snapshots, reason);
    teller.emit({ type: 'finished', ...outcome });
    return outcome;
  } finally {
    options.log.info({ ...control.dropped, core: conductor.dropped }, 'messages dropped');
    conductor.stop();
    if (!connection.isClosed()) control.end(farewell);
    await flushGoodbye(connection);
  }
}

function outcomeOf(run: PreparedRun, snapshots: Snapshots, reason: RunOutcome['reason']): RunOutcome {
  const { last } = snapshots;
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
