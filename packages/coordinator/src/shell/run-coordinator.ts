/**
 * A run from its first look at the data to its last checkpoint: puts data, run folder, broker, reducers, control plane
 * and core together, and takes them apart in the reverse order whatever happens.
 */
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { createOptimizer } from '@unet-fleet/numerics';
import {
  type Config,
  connectBroker,
  exitCodes,
  idleWorkersNote,
  maxLeaves,
  numSteps,
  parameterBuckets,
  type RunEvent,
  stepPlan,
  subjectsOf,
  type UpMessage,
  UserError,
  type Welcome,
  withoutSecrets,
} from '@unet-fleet/shared';
import { startBroker } from '../broker/embedded.ts';
import { bestCheckpointName } from '../checkpoint/folder.ts';
import { CheckpointWriter } from '../checkpoint/writer.ts';
import type { CoreConfig } from '../core/types.ts';
import { ReducerPool } from '../reducer/pool.ts';
import { refusalOf } from './admission.ts';
import { Cleanups } from './cleanups.ts';
import { Conductor } from './conductor.ts';
import { ControlPlane } from './control.ts';
import { LocalWorkers } from './local-workers.ts';
import { type PreparedRun, prepareRun } from './prepare-run.ts';
import { Recorder } from './recorder.ts';
import { openSharedMemory, type SharedMemory } from './shared-memory.ts';
import { Snapshots } from './snapshots.ts';

export interface CoordinatorOptions {
  config: Config;
  /** Continue the run of the run folder, from its newest good checkpoint or the one that is named; null: a new run. */
  resume: { checkpoint: string | null } | null;
  /** Program and arguments that start a worker on this machine; told broker and run by its environment. */
  workerCommand: readonly string[];
  cacheDir: string;
  softwareVersion: string;
  onEvent(event: RunEvent): void;
  onScanProgress(numDone: number, numPairs: number): void;
  /** For the log: what the run's events do not say. */
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Asks the run to stop: the step under way is finished and a checkpoint written. */
  signal: AbortSignal;
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

/** Environment through which a local worker learns its broker and run: passwords do not belong into arguments. */
export const workerEnvironment = (broker: BrokerAddress, runId: string): Record<string, string> => ({
  UNET_FLEET_NATS_URL: broker.url,
  UNET_FLEET_NATS_USER: broker.user,
  UNET_FLEET_NATS_PASSWORD: broker.password,
  UNET_FLEET_RUN: runId,
});

export interface BrokerAddress {
  url: string;
  user: string;
  password: string;
}

/** A worker sends a heartbeat a second; the rest are the core's clocks. */
const resendMs = 3_000;
const maxLeafAttempts = 8;
/** Threads that reduce and optimize; more than this gain nothing at memory speed. */
const maxReducers = 4;

/**
 * Runs to the end, or until it is asked to stop. Throws a UserError for whatever a person can mend; the run folder then
 * holds the newest checkpoint, from which --resume goes on.
 */
export async function runCoordinator(options: CoordinatorOptions): Promise<RunOutcome> {
  const cleanups = new Cleanups();
  try {
    return await run(options, cleanups);
  } finally {
    await cleanups.run();
  }
}

async function run(options: CoordinatorOptions, cleanups: Cleanups): Promise<RunOutcome> {
  const { config: wanted, log } = options;
  const optimizer = createOptimizer(wanted.train);
  let abort: (error: Error) => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = reject;
  });
  aborted.catch(() => {});
  const warnings: string[] = [];
  let warn = (message: string): void => {
    warnings.push(message);
  };
  const run = await prepareRun({
    ...options,
    slotNames: optimizer.slots,
    onWarning: (message) => warn(message),
    onLockLost: () =>
      abort(
        new UserError(
          `another coordinator has taken over the run in ${wanted.run.runDir}: this one stops`,
          exitCodes.unavailable,
        ),
      ),
  });
  cleanups.add(() => run.lock.release());
  const { config, folder, model, plan, progress } = run;
  const { runId } = folder.record;

  const recorder = new Recorder(
    run.paths.root,
    run.paths.metrics,
    progress.version,
    basename(run.paths.root),
    (m) => warn(m),
  );
  cleanups.add(() => recorder.close());
  const emit = (event: RunEvent) => {
    recorder.record(event);
    options.onEvent(event);
  };
  warn = (message) => emit({ type: 'warning', message });

  const broker = await openBroker(config, run, cleanups, abort);
  const connection = await connectBroker({ ...broker, name: `unet-fleet coordinator ${runId}` });
  cleanups.add(() => connection.close());
  failWhenClosed(connection, broker, abort);
  emit({
    type: 'run-started',
    runId,
    runDir: run.paths.root,
    brokerUrl: broker.url,
    numStepsDone: progress.version,
    numSteps: numSteps(plan),
    numTrainPhotos: plan.numTrainSamples,
    numValidationPhotos: plan.numValidationSamples,
    numClasses: model.config.numClasses,
    numParameters: model.numParameters,
    numLeaves: maxLeaves(plan),
  });
  for (const message of warnings) warn(message);
  const idle = idleWorkersNote(config.run.workers, maxLeaves(plan), config.train);
  if (idle) warn(idle);

  const memory = config.run.sharedMemory ? openMemory(run, config.run.workers) : null;
  cleanups.add(() => memory?.remove());
  const numReducers = Math.min(
    parameterBuckets(model.numParameters).length,
    availableParallelism(),
    maxReducers,
  );
  const reducers = new ReducerPool(
    { runId, term: run.lock.term, train: config.train, broker, sharedMemoryFolder: memory?.folder ?? '' },
    model,
    numReducers,
  );
  cleanups.add(() => reducers.close());
  await reducers.load(progress.version, run.state);

  const writer = new CheckpointWriter({
    checkpoints: run.paths.checkpoints,
    keep: config.run.keepCheckpoints,
  });
  cleanups.add(() => writer.close());
  const fleet = new Fleet(run, config.engine.allowMixedEngines);
  let numBatchesTracked = run.numBatchesTracked;
  const snapshots = new Snapshots({
    model,
    plan,
    slotNames: optimizer.slots,
    reducers,
    writer,
    constantFacts: {
      runId,
      term: run.lock.term,
      config: withoutSecrets(config),
      model: model.config,
      classNames: folder.record.classNames,
      identitySha256: folder.record.identitySha256,
      dataSha256: folder.record.dataSha256,
    },
    engines: () => fleet.engines,
    numBatchesTracked: () => numBatchesTracked,
    onWarning: warn,
  });

  const conductor: Conductor = new Conductor(coreConfig(run), progress, config.train, {
    send: (workerId, message) => control.send(workerId, message),
    broadcast: (message) => control.broadcast(message),
    reducers,
    sharesMemory: (workerId) => fleet.sharesMemory(workerId),
    now: () => performance.now(),
    emit: (event) => {
      if (event.type === 'step') numBatchesTracked += stepPlan(plan, event.step - 1).numLeaves;
      emit(event);
    },
    writeCheckpoint: async (effect) => {
      const written = await snapshots.write(effect);
      if (written)
        emit({ type: 'checkpoint', step: written.step, path: written.path, isBest: effect.isBest });
    },
  });
  const control: ControlPlane = new ControlPlane(connection, subjectsOf(runId), runId, run.lock.term, {
    welcome: () => welcomeOf(run, numReducers, memory),
    numWorkers: () => conductor.numWorkers,
    message: (workerId, message) => {
      const refusal = fleet.receive(workerId, message, conductor);
      if (refusal === null) return;
      control.send(workerId, { type: 'refusal', reason: refusal });
      warn(refusal);
    },
  });
  cleanups.add(() => control.close());
  cleanups.add(() => conductor.stop());

  const workers = new LocalWorkers({
    numWorkers: config.run.workers,
    command: options.workerCommand,
    env: { ...process.env, ...workerEnvironment(broker, runId) },
    onWarning: warn,
    onFatal: (message) => abort(new UserError(message)),
  });
  options.onKillable(() => workers.kill());
  cleanups.add(() => workers.stop());
  const stop = () => conductor.feed({ type: 'stop-requested' });
  options.signal.addEventListener('abort', stop);
  cleanups.add(() => options.signal.removeEventListener('abort', stop));

  conductor.start();
  workers.start();
  log.info({ runId, term: run.lock.term, numReducers, sharedMemory: memory?.folder ?? null }, 'run started');
  if (options.signal.aborted) stop();
  let reason = 'failed';
  try {
    const ending = await Promise.race([conductor.ended, aborted]);
    reason = ending.reason;
    const outcome = outcomeOf(run, snapshots, ending.reason);
    emit({ type: 'finished', ...outcome });
    return outcome;
  } finally {
    log.info({ ...control.dropped, core: conductor.dropped }, 'messages dropped');
    control.broadcast({
      type: 'over',
      reason: reason === 'failed' ? 'the run has failed' : `the run is ${reason}`,
    });
    await connection.flush();
  }
}

/** The workers as the shell knows them: what they are, beside the core's view of what they do. */
class Fleet {
  readonly engines: PreparedRun['engines'];
  readonly #run: PreparedRun;
  readonly #allowMixedEngines: boolean;
  readonly #sharesMemory = new Map<string, boolean>();

  constructor(run: PreparedRun, allowMixedEngines: boolean) {
    this.#run = run;
    this.#allowMixedEngines = allowMixedEngines;
    this.engines = [...run.engines];
  }

  sharesMemory(workerId: string): boolean {
    return this.#sharesMemory.get(workerId) ?? false;
  }

  /** Feeds a worker's message to the core. Returns a sentence when the worker is refused. */
  receive(workerId: string, message: UpMessage, conductor: Conductor): string | null {
    switch (message.type) {
      case 'ready': {
        const { dataset } = this.#run;
        const refusal = refusalOf(message, {
          numSamples: dataset.samples.length,
          manifestSha256: dataset.sha256,
          fingerprint: this.engines[0] ?? null,
          allowMixedEngines: this.#allowMixedEngines,
        });
        if (refusal) return refusal;
        const isKnown = this.engines.some(
          (engine) => JSON.stringify(engine) === JSON.stringify(message.fingerprint),
        );
        if (!isKnown) this.engines.push(message.fingerprint);
        this.#sharesMemory.set(workerId, message.sharesMemory);
        conductor.feed({ type: 'worker-ready', workerId, name: message.name });
        return null;
      }
      case 'heartbeat':
        conductor.feed({ type: 'heartbeat', workerId, leaseId: message.leaseId });
        return null;
      case 'result': {
        const { kind, step, node, confusion } = message;
        if (kind === 'train') conductor.clock.addNode(workerId, message.timings);
        const sums = message.sums.map(([lossSum, weightSum]) => ({ lossSum, weightSum }));
        conductor.feed({ type: 'result', workerId, kind, step, node, sums, confusion });
        return null;
      }
      case 'failed':
        conductor.feed({ type: 'leaf-failed', workerId, message: message.message });
        return null;
      case 'bye':
        conductor.feed({ type: 'worker-gone', workerId, reason: message.reason });
        this.#sharesMemory.delete(workerId);
        return null;
    }
  }
}

async function openBroker(
  config: Config,
  run: PreparedRun,
  cleanups: Cleanups,
  abort: (error: Error) => void,
): Promise<BrokerAddress> {
  const { natsUrl, natsUser, natsPassword, natsPort } = config.broker;
  if (natsUrl) return { url: natsUrl, user: natsUser, password: natsPassword };
  const broker = await startBroker({ port: natsPort, folder: join(run.paths.root, 'broker') });
  cleanups.add(() => broker.stop());
  // Resolves only when the server ends without having been asked to; connections alone would wait for ever.
  void broker.ended.then((sentence) => abort(new UserError(sentence, exitCodes.unavailable)));
  return { url: broker.url, user: broker.user, password: broker.password };
}

function failWhenClosed(
  connection: NatsConnection,
  broker: BrokerAddress,
  abort: (error: Error) => void,
): void {
  void connection.closed().then((error) => {
    if (error) {
      abort(
        new UserError(
          `the broker at ${broker.url} closed the connection: ${error.message}`,
          exitCodes.unavailable,
        ),
      );
    }
  });
}

/** Two versions of the weights and, for each worker, a handful of nodes. */
function openMemory({ model }: PreparedRun, numWorkers: number): SharedMemory | null {
  return openSharedMemory((2 + 2 * Math.max(1, numWorkers)) * model.numParameters * 4);
}

function coreConfig({ config, plan, model }: PreparedRun): CoreConfig {
  const { run, train } = config;
  return {
    plan,
    validateEvery: train.validateEvery,
    checkpointEvery: run.checkpointEvery,
    minWorkers: run.minWorkers,
    numClasses: model.config.numClasses,
    silenceMs: run.leaseSeconds * 1_000,
    resendMs,
    maxLeafAttempts,
  };
}

function welcomeOf(run: PreparedRun, numReducers: number, memory: SharedMemory | null): Welcome {
  const { config, folder, lock, plan, model } = run;
  return {
    type: 'welcome',
    runId: folder.record.runId,
    term: lock.term,
    // Names are for people; the number of classes is settled.
    data: { ...config.data, classNames: '', numClasses: model.config.numClasses },
    model: model.config,
    plan,
    device: config.engine.device,
    intraOpThreads: run.intraOpThreads,
    ignoreIndex: config.data.ignoreIndex,
    classWeights: run.classWeights,
    numReducers,
    sharedMemoryFolder: memory?.folder ?? '',
    sharedMemoryToken: memory?.token ?? '',
  };
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
