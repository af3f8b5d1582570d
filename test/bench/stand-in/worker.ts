/** A worker process as the coordinator starts it on its own machine, with a stand-in for the engine. */
import { loadConfig } from '@unet-fleet/config/load';
import { cacheFolder } from '@unet-fleet/shared';
import { peerOf } from '@unet-fleet/wire';
import { brokerOf } from '@unet-fleet/wire/transport/connect';
import { identityAt } from '@unet-fleet/wire/transport/credentials';
import { runWorker } from '@unet-fleet/worker';
import { version } from 'unet-fleet/version';

const { env } = process;
const broker = brokerOf(loadConfig({ env }).broker);
const cacheDir = cacheFolder(env);
const leaving = new AbortController();
process.once('SIGTERM', () => leaving.abort('asked to leave'));
process.once('disconnect', () => process.exit(1));

await runWorker({
  broker,
  workerId: peerOf(identityAt(broker), env.UNET_FLEET_WORKER_INSTANCE!),
  name: env.UNET_FLEET_WORKER_NAME!,
  runId: env.UNET_FLEET_RUN ?? '',
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
  runPatienceMs: Number.POSITIVE_INFINITY,
  drainMs: 1_000,
  signal: leaving.signal,
  computeScript: new URL('./thread.js', import.meta.url),
});
process.disconnect();
