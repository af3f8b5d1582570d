/** The reducers of a run: as many threads as are of use, and the memory that they share with workers of this host. */
import { availableParallelism } from 'node:os';
import { parameterBuckets } from '@unet-fleet/law';
import type { BrokerAddress } from '@unet-fleet/wire';
import { ReducerPool } from '../reducer/pool.ts';
import type { ReducerListener } from '../reducer/thread.ts';
import type { Cleanups } from './cleanups.ts';
import type { PreparedRun } from './prepare-run.ts';
import { openSharedMemory, type SharedMemory } from './shared-memory.ts';

/** Threads that reduce and optimize; more than this gain nothing at memory speed. */
const maxReducers = 4;

/** Resolves when they hold the weights of the run's version and offer them. */
export async function startReducers(
  run: PreparedRun,
  broker: BrokerAddress,
  cleanups: Cleanups,
  listener: ReducerListener,
): Promise<{ reducers: ReducerPool; memory: SharedMemory | null }> {
  const { config, model, lock, folder } = run;
  const numWorkers = Math.max(1, config.run.workers);
  // Two versions of the weights and, for each worker, as many nodes as a lease has and one more.
  const neededBytes = (2 + 5 * numWorkers) * model.numParameters * 4;
  const memory = config.run.sharedMemory ? openSharedMemory(neededBytes) : null;
  cleanups.add(() => memory?.remove());
  const numBuckets = parameterBuckets(model.numParameters).length;
  const reducers = ReducerPool.start(
    {
      runId: folder.record.runId,
      term: lock.term,
      train: config.train,
      broker,
      sharedMemoryFolder: memory?.folder ?? '',
    },
    model,
    Math.min(numBuckets, availableParallelism(), maxReducers),
    listener,
  );
  cleanups.add(() => reducers.close());
  await reducers.load(run.progress.version, run.state);
  return { reducers, memory };
}
