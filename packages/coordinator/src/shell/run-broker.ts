/**
 * The run's broker: one of its own, or the one that was named; how its workers learn of it, and how the run learns that
 * it is away. A broker that is away is waited for: the client seeks it for ever, and an own one is started again.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  type BrokerAddress,
  brokerOf,
  type Config,
  connectBroker,
  coordinatorIdentity,
  disconnectSubject,
  identityAt,
  type Link,
  peerOf,
  UserError,
  watchLink,
} from '@unet-fleet/shared';
import { type DisconnectWatch, watchDisconnects } from '../broker/disconnects.ts';
import { type Broker, startBroker } from '../broker/embedded.ts';
import type { Cleanups } from './cleanups.ts';

export interface RunBrokerEvents {
  /** The coordinator's own connection is lost: nobody can be heard, and nobody is to blame. */
  onLost(reason: string): void;
  onBack(): void;
  /** A worker's control connection has closed. */
  onDisconnect(workerId: string): void;
}

export interface RunBroker {
  /** With the coordinator's credentials. */
  address: BrokerAddress;
  connection: NatsConnection;
  link: Link;
  /** Whether the broker tells of closed connections; where it does not, silence must do. */
  readonly hearsDisconnects: boolean;
  /** Environment through which a local worker learns broker and run: passwords do not belong into arguments. */
  workerEnvironment(slot: number): Record<string, string>;
  /** From now on events go to the run. A loss that is going on is told at once. */
  listen(events: RunBrokerEvents): void;
}

const environment = (broker: BrokerAddress, runId: string): Record<string, string> => ({
  UNET_FLEET_NATS_URL: broker.url,
  UNET_FLEET_NATS_USER: broker.user,
  UNET_FLEET_NATS_PASSWORD: broker.password,
  UNET_FLEET_NATS_SEED: broker.seed ?? '',
  UNET_FLEET_NATS_CA: broker.ca ?? '',
  UNET_FLEET_RUN: runId,
});

/**
 * Starts a broker or takes the one of the config, and connects to it. `onFatal` is called if an own one can't be kept
 * up. Throws a UserError when it can't be had.
 */
export async function openRunBroker(
  { broker: config, run }: Config,
  runId: string,
  runDir: string,
  cleanups: Cleanups,
  { onFatal, onWarning }: { onFatal(error: UserError): void; onWarning(message: string): void },
): Promise<RunBroker> {
  let own: Broker | null = null;
  let address = brokerOf(config);
  if (config.natsUrl && run.workers > 0 && identityAt(address) === coordinatorIdentity) {
    throw new UserError(
      "these credentials are the coordinator's, with which no worker may join: use unet-fleet coordinator, and start workers with credentials of their own",
    );
  }
  if (!config.natsUrl) {
    const folder = join(runDir, 'broker');
    own = await startBroker({ port: config.natsPort, folder, numLocalWorkers: run.workers, onWarning });
    const { stop, url, user, password, worker, failed } = own;
    cleanups.add(stop);
    void failed.then(onFatal);
    address = { url, user, password };
    const forOthers = environment({ url, ...worker }, runId);
    const lines = Object.entries(forOthers).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(join(folder, 'worker.env'), lines.join(''), { mode: 0o600 });
  }
  const connection = await connectBroker({
    ...address,
    name: `unet-fleet coordinator ${runId}`,
    peer: peerOf(coordinatorIdentity, runId),
  });
  let events: RunBrokerEvents | null = null;
  cleanups.add(() => {
    // What ends from here on, the run has ended itself.
    events = null;
    return connection.close();
  });
  let lost: string | null = null;
  const link = watchLink(connection, {
    onLost(reason) {
      lost = reason;
      events?.onLost(reason);
    },
    onBack() {
      lost = null;
      events?.onBack();
    },
    onRefused(error) {
      // A broker of another make: workers that are gone are noticed by their silence.
      if (error.message.includes(disconnectSubject)) return;
      onWarning(`the broker refuses what the coordinator does: ${error.message}`);
    },
  });
  const disconnects: DisconnectWatch = watchDisconnects(connection, (workerId) =>
    events?.onDisconnect(workerId),
  );
  await provoke(address);
  return {
    address,
    connection,
    link,
    get hearsDisconnects() {
      return disconnects.isAvailable;
    },
    workerEnvironment: (slot) =>
      environment(own ? { url: own.url, ...own.localWorkers[slot]! } : address, runId),
    listen(listener) {
      events = listener;
      if (lost !== null) listener.onLost(lost);
    },
  };
}

/** Opens and closes a connection, so that a broker which tells of such things does so before it matters. */
async function provoke(address: BrokerAddress): Promise<void> {
  const probe = await connectBroker({ ...address, name: 'unet-fleet probe' });
  await probe.close();
}
