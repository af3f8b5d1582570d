/** A worker of a benchmark: the real shell with its connections, data fetched from the coordinator, and a stand-in for the engine. */
import { cacheFolder } from '@unet-fleet/shared';
import { runWorker } from '@unet-fleet/worker';
import { version } from 'unet-fleet/version';

type WorkerOptions = Parameters<typeof runWorker>[0];

const { env } = process;
const cacheDir = cacheFolder(env);

/** Works until the run is over or the signal fires. */
export const joinWithStandIn = (
  options: Pick<WorkerOptions, 'broker' | 'workerId' | 'name' | 'runId' | 'runPatienceMs' | 'signal'>,
): ReturnType<typeof runWorker> =>
  runWorker({
    ...options,
    ...{ images: '', masks: '', pack: '', packToken: '', mustFetch: false },
    cacheDir,
    sampleCache: { folder: cacheDir, maxBytes: 1e9 },
    env,
    softwareVersion: version,
    log: { info: () => {}, debug: () => {} },
    brokerPatienceMs: 30_000,
    drainMs: 1_000,
    computeScript: new URL('./thread.js', import.meta.url),
  });

/** Fires when this process is to leave; one that has lost its parent ends at once. */
export function leaving(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGTERM', () => controller.abort('asked to leave'));
  process.once('disconnect', () => process.exit(1));
  return controller.signal;
}
