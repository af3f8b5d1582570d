/**
 * The one way to a broker. Keeps true that every connection has the same patience: the first attempt fails at once
 * with a sentence that a person can act on, a connection that was up is sought again for ever, and a peer that went
 * silent is noticed within some seconds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, errors, type NatsConnection } from '@nats-io/transport-node';
import { exitCodes, UserError } from '../errors.ts';
import { inboxOf } from '../protocol/subjects.ts';

export interface BrokerAddress {
  /** nats://host:port; several of one cluster separated by commas; tls:// asks for encryption. */
  url: string;
  /** '' for none. */
  user: string;
  password: string;
}

export interface ConnectOptions extends BrokerAddress {
  /** Shown in the broker's log and monitoring, and told when the connection is lost. */
  name: string;
  /** Takes the answers to requests on this peer's own subjects; without, on subjects that anybody could have. */
  peer?: string;
  /** How long the first attempt may take, in ms. */
  timeoutMs?: number;
}

const defaultTimeoutMs = 5000;
const schemes = new Set(['nats:', 'tls:']);

/**
 * Connects to a broker.
 * @throws UserError if the address is none (exit code usage), nobody answers there (unavailable), or the broker
 * refuses the user or its password (usage)
 */
export async function connectBroker(options: ConnectOptions): Promise<NatsConnection> {
  const servers = options.url.split(',').map((url) => serverUrl(url.trim()));
  const shown = servers.map(({ protocol, host }) => `${protocol}//${host}`).join(',');
  try {
    return await connect({
      servers: servers.map(({ host }) => host),
      name: options.name,
      ...(options.peer ? { inboxPrefix: inboxOf(options.peer) } : {}),
      ...(options.user ? { user: options.user, pass: options.password } : {}),
      ...(servers.some(({ protocol }) => protocol === 'tls:') ? { tls: {} } : {}),
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
  } catch (error) {
    throw connectError(error, shown, options.user);
  }
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

/** The parts of one broker address; a password inside would end up in logs, so it is refused. */
function serverUrl(text: string): { protocol: string; host: string } {
  const parsed = parseUrl(text.includes('://') ? text : `nats://${text}`);
  if (parsed === null || !schemes.has(parsed.protocol) || parsed.hostname === '') {
    const shown = text.replace(/\/\/[^@]*@/, '//');
    throw new UserError(`${shown || "''"} is no broker address: give --nats-url as nats://host:4222`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new UserError(
      `the broker address nats://${parsed.host} holds a user or password: give them by --nats-user and --nats-password`,
    );
  }
  return { protocol: parsed.protocol, host: `${parsed.hostname}:${parsed.port || '4222'}` };
}

function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function connectError(error: unknown, shown: string, user: string): UserError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    return new UserError(
      user === ''
        ? `the broker at ${shown} asks for a user: give --nats-user and --nats-password`
        : `the broker at ${shown} refuses the password of user ${user}: check --nats-user and --nats-password`,
    );
  }
  if (error instanceof Error && 'code' in error && ['ENOTFOUND', 'EAI_AGAIN'].includes(String(error.code))) {
    return new UserError(
      `no host has the name of the broker ${shown}: check --nats-url and the name service`,
      exitCodes.unavailable,
    );
  }
  return new UserError(
    `no broker answers at ${shown} (${message}): start nats-server there, check --nats-url, or leave --nats-url out for an embedded one`,
    exitCodes.unavailable,
  );
}
