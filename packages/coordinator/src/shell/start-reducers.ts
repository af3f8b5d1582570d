/**
 * The reducers of a run: as many threads as are of use, or those of other processes, and the memory that they share with
 * workers of this host. Where they are changes no bit of what they compute.
 */
import { availableParallelism } from 'node:os';
import { parameterBuckets } from '@unet-fleet/law';
import { coordinatorIdentity, reducerIdentity, reducerPeer, subjectsOf } from '@unet-fleet/wire';
import { ReducerPool } from '../reducer/pool.ts';
import type { Recruit } from '../reducer/remote/recruiting.ts';
import { RemoteReducers } from '../reducer/remote/remote-reducers.ts';
import type { ReducerListener } from '../reducer/thread.ts';
import type { Abort } from './abort.ts';
import type { Cleanups } from './cleanups.ts';
import type { CoordinatorOptions } from './coordinator-options.ts';
import type { PreparedRun } from './prepare-run.ts';
import type { RunBroker } from './run-broker.ts';
import { openSharedMemory, type SharedMemory } from './shared-memory.ts';
import type { Teller } from './teller.ts';

/** Threads that reduce and optimize; more than this gain nothing at memory speed. */
const maxReducers = 4;

export interface StartedReducers {
  reducers: ReducerPool;
  /** As peers, in their order. */
  reducerPeers: readonly string[];
  memory: SharedMemory | null;
  /** Rejects with ReducerLost; never resolves. */
  reducerLost: Promise<never>;
}

export interface StartReducersBase {
  run: PreparedRun;
  broker: RunBroker;
  teller: Teller;
  aborted: Abort;
  /** Whether reducers of other processes are sought at all. */
  mayRecruit: boolean;
}

/** Resolves when they hold the weights of the run's version and offer them. */
export async function startReducers(
  base: StartReducersBase,
  options: Pick<CoordinatorOptions, 'signal' | 'softwareVersion'>,
  cleanups: Cleanups,
  listener: ReducerListener,
): Promise<StartedReducers> {
  const { run } = base;
  const { config, model } = run;
  const numWorkers = Math.max(1, config.run.workers);
  // Two versions of the weights and, for each worker, as many nodes as a lease has and one more.
  const neededBytes = (2 + 5 * numWorkers) * model.numParameters * 4;
  const memory = config.run.sharedMemory ? openSharedMemory(neededBytes) : null;
  cleanups.add(() => memory?.remove());
  const isRemote = config.run.reducers > 0 && base.mayRecruit;
  const remote = isRemote ? await startRemote(base, options, cleanups, memory, listener) : null;
  return remote ?? startThreads(base, cleanups, memory, listener);
}

async function startThreads(
  { broker, run }: StartReducersBase,
  cleanups: Cleanups,
  memory: SharedMemory | null,
  listener: ReducerListener,
): Promise<StartedReducers> {
  const { config, folder, lock, model } = run;
  const numBuckets = parameterBuckets(model.numParameters).length;
  const reducers = ReducerPool.start(
    {
      runId: folder.record.runId,
      term: lock.term,
      train: config.train,
      broker: broker.address,
      sharedMemoryFolder: memory?.folder ?? '',
    },
    model,
    Math.min(numBuckets, availableParallelism(), maxReducers),
    listener,
  );
  cleanups.add(() => reducers.close());
  await reducers.load(run.progress.version, run.state);
  const reducerPeers = Array.from({ length: reducers.numReducers }, (_, reducer) =>
    reducerPeer(lock.term, reducer, coordinatorIdentity),
  );
  return { reducers, reducerPeers, memory, reducerLost: new Promise(() => {}) };
}

/** Null where none has come in time. */
async function startRemote(
  base: StartReducersBase,
  options: Pick<CoordinatorOptions, 'signal' | 'softwareVersion'>,
  cleanups: Cleanups,
  memory: SharedMemory | null,
  listener: ReducerListener,
): Promise<StartedReducers | null> {
  const { aborted, broker, run } = base;
  const { config, folder, lock, model } = run;
  const { runId } = folder.record;
  const remote = new RemoteReducers({
    ...{ model, runId, listener },
    connection: broker.connection,
    broker: broker.address,
    subjects: subjectsOf(runId),
    term: lock.term,
    train: config.train,
    silenceMs: config.run.leaseSeconds * 1_000,
  });
  cleanups.add(() => remote.close());
  const recruits = await Promise.race([recruit(base, options, remote, memory), aborted.raised]);
  if (recruits.length === 0) return null;
  // A worker hands its gradients over in one way: in shared memory only where every reducer sees it.
  const usesSharedMemory = memory !== null && recruits.every(({ offer }) => offer.sharesMemory);
  const taken = remote.take(recruits, usesSharedMemory);
  const reducers = new ReducerPool(taken, model.parameters, remote.hashSecret);
  cleanups.add(() => reducers.close());
  await remote.offer(run.progress.version, run.state);
  await Promise.race([reducers.load(run.progress.version, run.state), remote.lost, aborted.raised]);
  remote.loaded();
  const reducerPeers = Array.from({ length: reducers.numReducers }, (_, reducer) =>
    reducerPeer(lock.term, reducer, reducerIdentity),
  );
  return { reducers, reducerPeers, memory: usesSharedMemory ? memory : null, reducerLost: remote.lost };
}

/** Those that have come in time; says who is awaited, and what becomes of the run without them. */
async function recruit(
  { run, teller }: StartReducersBase,
  { signal, softwareVersion }: Pick<CoordinatorOptions, 'signal' | 'softwareVersion'>,
  remote: RemoteReducers,
  memory: SharedMemory | null,
): Promise<Recruit[]> {
  const { minWorkers, reducers: numProcesses, reducerSeconds } = run.config.run;
  const recruits = await remote.recruit(
    {
      onWait: (numThere) => {
        const reason = `${numThere} of ${numProcesses} processes with reducers are there; start unet-fleet reducer`;
        teller.emit({ type: 'waiting', reason, numWorkers: 0, minWorkers });
      },
      onWarning: (message) => teller.warn(message),
    },
    {
      ...{ numProcesses, signal, softwareVersion },
      patienceMs: reducerSeconds * 1_000,
      wanted: { sharedMemoryFolder: memory?.folder ?? '', sharedMemoryToken: memory?.token ?? '' },
    },
  );
  if (recruits.length < numProcesses && !signal.aborted) {
    const instead = recruits.length === 0 ? 'the coordinator reduces itself' : 'the run goes on with them';
    teller.warn(
      `${recruits.length} of ${numProcesses} processes with reducers have come in ${reducerSeconds} s: ${instead}`,
    );
  }
  return recruits;
}
