/**
 * The one way to a broker. Keeps true that every connection has the same patience: the first attempt fails at once
 * with a sentence that a person can act on, a connection that was up is sought again for ever, and a peer that went
 * silent is noticed within some seconds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import {
  type Authenticator,
  errors,
  type NatsConnection,
  nkeyAuthenticator,
  type TlsOptions,
} from '@nats-io/transport-node';
import type { Config } from '@unet-fleet/law';
import { exitCodes, UserError } from '@unet-fleet/law';
import { inboxOf } from '../protocol/subjects.ts';
import { parseBrokerUrl, splitBrokerUrl } from './broker-url.ts';
import { connectWithPort } from './bulk-transport.ts';
import { connectError } from './connect-error.ts';
import { readCertificates, readSeedFile } from './credentials.ts';
import { complaintOf } from './greeting.ts';
import { leastPayloadBytes } from './payload.ts';

export interface BrokerAddress {
  /** nats://host:port; several of one cluster separated by commas; tls:// asks for encryption. */
  url: string;
  /** '' for none. */
  user: string;
  password: string;
  /** Instead of user and password; '' for none. */
  token?: string;
  /** Path of a file with a key or credentials, instead of user and password; '' for none. */
  seed?: string;
  /** Path of the certificate of the authority that vouches for the broker; asks for encryption. '' for the system's. */
  ca?: string;
  /** What a join URL brings instead of files: the authority's certificate as PEM, and the key itself, '' for none. */
  joined?: { authority: string; seed: string };
}

/** The broker that a config names. */
export const brokerOf = (config: Config['broker']): BrokerAddress => ({
  url: config.natsUrl,
  user: config.natsUser,
  password: config.natsPassword,
  token: config.natsToken,
  seed: config.natsSeed,
  ca: config.natsCa,
});

export interface ConnectOptions extends BrokerAddress {
  /** Shown in the broker's log and monitoring, and told when the connection is lost. */
  name: string;
  /** Takes the answers to requests on this peer's own subjects; without, on subjects that anybody could have. */
  peer?: string;
  /** How long the first attempt may take, in ms. */
  timeoutMs?: number;
}

const defaultTimeoutMs = 5000;

/**
 * Connects to a broker.
 * @throws UserError if the address, the seed or the certificate is none (exit code usage), nobody answers there
 * (unavailable), the broker refuses who this is, or its own certificate is not to be trusted (usage)
 */
export async function connectBroker(options: ConnectOptions): Promise<NatsConnection> {
  const { seed = '', ca = '', joined } = options;
  const { url, credentials } = splitBrokerUrl(options.url);
  const { user, password, token = '' } = credentials ?? options;
  const servers = parseBrokerUrl(url);
  const shown = servers.map(({ protocol, host }) => `${protocol}//${host}`).join(',');
  const isEncrypted =
    joined !== undefined || ca !== '' || servers.some(({ protocol }) => protocol === 'tls:');
  const authenticator = authenticatorOf(options);
  const tls = tlsOptions(
    servers.map(({ hostname }) => hostname),
    joined?.authority ?? (ca === '' ? '' : readCertificates(ca)),
  );
  try {
    const connection = await connectWithPort({
      servers: servers.map(({ host }) => host),
      name: options.name,
      ...(options.peer ? { inboxPrefix: inboxOf(options.peer) } : {}),
      ...(authenticator ? { authenticator } : token ? { token } : user ? { user, pass: password } : {}),
      // With it a server that offers no encryption is refused.
      ...(isEncrypted ? { tls } : {}),
      timeout: options.timeoutMs ?? defaultTimeoutMs,
      reconnect: true,
      maxReconnectAttempts: -1,
      // A broker that is set up anew may refuse its users for a moment.
      ignoreAuthErrorAbort: true,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      reconnectJitterTLS: 250,
      pingInterval: 5000,
      maxPingOut: 2,
    });
    return await takingMessages(connection, shown);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const [{ hostname, host }] = servers as [(typeof servers)[number]];
    const isLate = error instanceof errors.TimeoutError;
    const complaint = isLate ? await complaintOf(hostname, Number(/\d+$/.exec(host)![0])) : '';
    throw connectError(error, { shown, user, token, seed, ca, isJoined: joined !== undefined, complaint });
  }
}

/** Throws a UserError, and leaves, where the broker's messages are too small for any run. */
async function takingMessages(connection: NatsConnection, shown: string): Promise<NatsConnection> {
  const maxPayload = connection.info?.max_payload ?? leastPayloadBytes;
  if (maxPayload >= leastPayloadBytes) return connection;
  await connection.close();
  throw new UserError(
    `the broker at ${shown} takes messages of at most ${maxPayload} bytes, and a run needs ${leastPayloadBytes}: raise max_payload there, best to 2MB`,
  );
}

/** Null for those who have a password, a token, or nothing. */
function authenticatorOf({ seed = '', joined }: BrokerAddress): Authenticator | null {
  if (joined?.seed) return nkeyAuthenticator(Buffer.from(joined.seed));
  return seed === '' ? null : readSeedFile(seed).authenticator;
}

/** Between two attempts at a broker that is not there yet. */
const retryMs = 500;

/**
 * Connects as soon as the broker is there, or fails as connectBroker does once `patienceMs` are over. Calls `onWait` with
 * the reason before the first wait. Null when `signal` ended the wait.
 */
export const connectWhenThere = (
  options: ConnectOptions,
  patienceMs: number,
  onWait: (reason: string) => void,
  signal: AbortSignal,
): Promise<NatsConnection | null> => whenThere(() => connectBroker(options), patienceMs, onWait, signal);

/** Makes the attempt again while it fails for want of a broker, as connectWhenThere says. */
export async function whenThere<T>(
  attempt: () => Promise<T>,
  patienceMs: number,
  onWait: (reason: string) => void,
  signal: AbortSignal,
): Promise<T | null> {
  const deadlineMs = performance.now() + patienceMs;
  for (let numFailed = 0; !signal.aborted; numFailed++) {
    try {
      return await attempt();
    } catch (error) {
      const mayCome = error instanceof UserError && error.exitCode === exitCodes.unavailable;
      if (!mayCome || performance.now() + retryMs > deadlineMs) throw error;
      if (numFailed === 0) onWait(error.message);
    }
    await sleep(retryMs, undefined, { signal }).catch(() => {});
  }
  return null;
}

/**
 * The client names no host to check a certificate against where the address is an IP: then it is one of those that
 * the person has given.
 */
function tlsOptions(hosts: readonly string[], authority: string): TlsOptions {
  const isOneOfThem = (_: string, certificate: PeerCertificate) => {
    const wrong = hosts.map((host) => checkServerIdentity(host, certificate));
    return wrong.includes(undefined) ? undefined : wrong[0];
  };
  const options = { checkServerIdentity: isOneOfThem, ...(authority === '' ? {} : { ca: authority }) };
  return options as TlsOptions;
}

const goodbyeTimeoutMs = 1000;

/**
 * Sends out what was published last, if the broker is there to take it. For goodbyes: never throws and never waits for
 * long, so that it can't hide why somebody leaves.
 */
export async function flushGoodbye(connection: NatsConnection): Promise<void> {
  const giveUp = new AbortController();
  const timeout = sleep(goodbyeTimeoutMs, undefined, { signal: giveUp.signal });
  await Promise.race([connection.flush(), timeout]).catch(() => {});
  giveUp.abort();
  await timeout.catch(() => {});
}
