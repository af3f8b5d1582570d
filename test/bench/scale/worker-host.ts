/**
 * Several workers in one process, each with its shell, its connections and a compute thread of its own, as on hosts of their
 * own but for the process: 64 of them fit into the memory of a small machine. A stand-in takes the engine's place.
 */
import { cacheFolder } from '@unet-fleet/shared';
import { newInstance, peerOf } from '@unet-fleet/wire';
import { runWorker } from '@unet-fleet/worker';
import { version } from 'unet-fleet/version';
import type { BrokerLogin } from './broker.ts';
import { hostedVariable } from './variables.ts';

const { env } = process;
const logins = JSON.parse(env[hostedVariable]!) as BrokerLogin[];
const cacheDir = cacheFolder(env);
const leaving = new AbortController();
process.once('SIGTERM', () => leaving.abort('asked to leave'));
process.once('disconnect', () => process.exit(1));

await Promise.all(
  logins.map((broker) =>
    runWorker({
      broker,
      workerId: peerOf(broker.user, newInstance()),
      name: broker.user,
      runId: '',
      images: '',
      masks: '',
      pack: '',
      packToken: '',
      mustFetch: false,
      cacheDir,
      sampleCache: { folder: cacheDir, maxBytes: 1e9 },
      env,
      softwareVersion: version,
      log: { info: () => {}, debug: () => {} },
      brokerPatienceMs: 30_000,
      runPatienceMs: 120_000,
      drainMs: 1_000,
      signal: leaving.signal,
      computeScript: new URL('../stand-in/thread.js', import.meta.url),
    }),
  ),
);
process.disconnect();
