/**
 * The run's broker: one of its own, or the one that was named; how its workers learn of it, and how the run learns that
 * it is away. A broker that is away is waited for: the client seeks it for ever, and an own one is started again.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Config, exitCodes, UserError } from '@unet-fleet/law';
import {
  type BrokerAddress,
  coordinatorIdentity,
  disconnectSubject,
  formatJoinUrl,
  isHost,
  type Link,
  peerOf,
  watchLink,
} from '@unet-fleet/wire';
import { brokerOf, connectWhenThere } from '@unet-fleet/wire/transport/connect';
import { identityAt } from '@unet-fleet/wire/transport/credentials';
import { type DisconnectWatch, watchDisconnects } from '../broker/disconnects.ts';
import { type Broker, type PasswordLogin, startBroker } from '../broker/embedded.ts';
import { isLoopback, type JoinSecrets, joinHostOf, openJoinSecrets } from '../broker/join-secrets.ts';
import { probeBroker } from '../broker/probe.ts';
import type { Cleanups } from './cleanups.ts';

export interface RunBrokerEvents {
  /** The coordinator's own connection is lost: nobody can be heard, and nobody is to blame. */
  onLost(reason: string): void;
  onBack(): void;
  /** A worker's control connection has closed. */
  onDisconnect(workerId: string): void;
}

export interface JoinUrls {
  worker: string;
  reducer: string;
}

export interface RunBroker {
  /** With the coordinator's credentials. */
  address: BrokerAddress;
  connection: NatsConnection;
  link: Link;
  /**
   * By which workers and reducers of other machines join; null where the broker is not the run's own, or for this machine
   * alone.
   */
  joinUrls: JoinUrls | null;
  /** Whether the broker tells of closed connections; where it does not, silence must do. */
  readonly hearsDisconnects: boolean;
  /** Environment through which a local worker learns broker and run: passwords do not belong into arguments. */
  workerEnvironment(slot: number): Record<string, string>;
  /** From now on events go to the run. A loss that is going on is told at once. */
  listen(events: RunBrokerEvents): void;
}

interface OpenOptions {
  /** Called if an own one can't be kept up. */
  onFatal(error: UserError): void;
  onWarning(message: string): void;
  /** Told why, before the wait for a named one that is not there yet. */
  onWait(reason: string): void;
  /** How long that may take. */
  patienceMs: number;
  /** Ends the wait. */
  signal: AbortSignal;
}

const environment = (broker: BrokerAddress, runId: string): Record<string, string> => ({
  UNET_FLEET_NATS_URL: broker.url,
  UNET_FLEET_NATS_USER: broker.user,
  UNET_FLEET_NATS_PASSWORD: broker.password,
  UNET_FLEET_NATS_TOKEN: broker.token ?? '',
  UNET_FLEET_NATS_SEED: broker.seed ?? '',
  UNET_FLEET_NATS_CA: broker.ca ?? '',
  UNET_FLEET_RUN: runId,
});

/**
 * Starts a broker or takes the one of the config, and connects to it. Throws a UserError when it can't be had.
 */
export async function openRunBroker(
  { broker: config, run }: Config,
  runId: string,
  runDir: string,
  cleanups: Cleanups,
  { onFatal, onWarning, onWait, patienceMs, signal }: OpenOptions,
): Promise<RunBroker> {
  let own: Broker | null = null;
  let joinUrls: JoinUrls | null = null;
  let address = brokerOf(config);
  if (config.natsUrl && run.workers > 0 && identityAt(address) === coordinatorIdentity) {
    throw new UserError(
      "these credentials are the coordinator's, with which no worker may join: use unet-fleet coordinator, and start workers with credentials of their own",
    );
  }
  if (!config.natsUrl) {
    const folder = join(runDir, 'broker');
    const host = config.natsHost || '127.0.0.1';
    const secrets = isLoopback(host) ? null : await secretsFor(config, folder);
    own = await startBroker({
      port: config.natsPort || (secrets ? joinPort : 0),
      host,
      folder,
      numLocalWorkers: run.workers,
      onWarning,
      ...(secrets && { join: secrets }),
    });
    const { port, stop, url, user, password, reducer, worker, failed } = own;
    cleanups.add(stop);
    void failed.then(onFatal);
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
    const trust = secrets ? { ca: join(folder, 'ca.pem') } : {};
    if (secrets) {
      const urlFor = ({ user: identity, password: secret }: PasswordLogin) =>
        formatJoinUrl({
          ...{ identity, port, runId, secret },
          host: joinHostOf(config),
          fingerprint: secrets.fingerprint,
        });
      joinUrls = { worker: urlFor(worker), reducer: urlFor(reducer) };
      write('ca.pem', secrets.authority);
      write('worker.join', `${joinUrls.worker}\n`);
      write('reducer.join', `${joinUrls.reducer}\n`);
    }
    address = { url, user, password, ...trust };
    for (const [name, login] of Object.entries({ worker, reducer })) {
      const forOthers = Object.entries(environment({ url, ...login, ...trust }, runId));
      write(`${name}.env`, forOthers.map(([variable, value]) => `${variable}=${value}\n`).join(''));
    }
  }
  const name = `unet-fleet coordinator ${runId}`;
  const peer = peerOf(coordinatorIdentity, runId);
  const connection = await connectWhenThere({ ...address, name, peer }, own ? 0 : patienceMs, onWait, signal);
  if (connection === null) {
    throw new UserError(`${signal.reason} while it waited for the broker`, exitCodes.leftOnRequest);
  }
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
  await probeBroker(address, peer);
  return {
    address,
    connection,
    link,
    joinUrls,
    get hearsDisconnects() {
      return disconnects.isAvailable;
    },
    workerEnvironment: (slot) =>
      environment(own ? { ...address, ...own.localWorkers[slot]! } : address, runId),
    listen(listener) {
      events = listener;
      if (lost !== null) listener.onLost(lost);
    },
  };
}

/** Where NATS servers listen by custom: a join URL must stay the same from start to start. */
const joinPort = 4222;

/** The certificate is for those who join, and for this machine's own connections. */
const secretsFor = (config: Config['broker'], folder: string): Promise<JoinSecrets> =>
  openJoinSecrets(
    folder,
    {
      join: joinHostOf(config),
      own: ['localhost', '127.0.0.1', '::1', ...(isHost(config.natsHost) ? [config.natsHost] : [])],
    },
    new Date(),
  );
