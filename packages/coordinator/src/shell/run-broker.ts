/** The run's broker: one of its own, or the one that was named; and how its workers learn of it. */
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  type Config,
  connectBroker,
  coordinatorIdentity,
  exitCodes,
  peerOf,
  UserError,
} from '@unet-fleet/shared';
import { startBroker } from '../broker/embedded.ts';
import type { Cleanups } from './cleanups.ts';

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

/**
 * Starts a broker or takes the one of the config, and connects to it. `abort` is called if it is lost for good. Throws a
 * UserError when it can't be had.
 */
export async function openRunBroker(
  { broker: config }: Config,
  runId: string,
  runDir: string,
  cleanups: Cleanups,
  abort: (error: Error) => void,
): Promise<{ broker: BrokerAddress; connection: NatsConnection }> {
  const lost = (sentence: string) => abort(new UserError(sentence, exitCodes.unavailable));
  let broker: BrokerAddress = { url: config.natsUrl, user: config.natsUser, password: config.natsPassword };
  if (!config.natsUrl) {
    const own = await startBroker({ port: config.natsPort, folder: join(runDir, 'broker') });
    cleanups.add(() => own.stop());
    // Resolves only when the server ends without having been asked to; connections alone would wait for ever.
    void own.ended.then(lost);
    broker = { url: own.url, user: own.user, password: own.password };
  }
  const connection = await connectBroker({
    ...broker,
    name: `unet-fleet coordinator ${runId}`,
    peer: peerOf(coordinatorIdentity, runId),
  });
  cleanups.add(() => connection.close());
  void connection.closed().then((error) => {
    if (error) lost(`the broker at ${broker.url} closed the connection: ${error.message}`);
  });
  return { broker, connection };
}
