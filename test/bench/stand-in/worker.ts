/** A worker process as the coordinator starts it on its own machine, with a stand-in for the engine. */
import { loadConfig } from '@unet-fleet/config/load';
import { peerOf } from '@unet-fleet/wire';
import { brokerOf } from '@unet-fleet/wire/transport/connect';
import { identityAt } from '@unet-fleet/wire/transport/credentials';
import { joinWithStandIn, leaving } from './join.ts';

const { env } = process;
const broker = brokerOf(loadConfig({ env }).broker);

await joinWithStandIn({
  broker,
  workerId: peerOf(identityAt(broker), env.UNET_FLEET_WORKER_INSTANCE!),
  name: env.UNET_FLEET_WORKER_NAME!,
  runId: env.UNET_FLEET_RUN ?? '',
  runPatienceMs: Number.POSITIVE_INFINITY,
  signal: leaving(),
});
process.disconnect();
