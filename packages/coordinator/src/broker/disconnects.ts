/**
 * The broker's word that a worker's connection has closed: the quickest sign that its process is gone. It comes from
 * the server's system events, which a configuration of ours imports into the run's account for the coordinator alone;
 * at a broker without it nothing comes, and a worker that is gone is noticed by its silence.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { disconnectSubject, isPeer, safeId } from '@unet-fleet/wire';
import { z } from 'zod';

export interface DisconnectWatch {
  /** Whether the broker has told of any connection's end so far. */
  readonly isAvailable: boolean;
  close(): void;
}

/** An event of the server is some hundred bytes. */
const maxEventBytes = 64 * 1024;
const text = z.string().max(1_000);
const event = z.object({ client: z.object({ name: text.optional(), user: text.optional() }) });

/** Calls `onDisconnect` with the id of each worker whose control connection has closed. */
export function watchDisconnects(
  connection: NatsConnection,
  onDisconnect: (workerId: string) => void,
): DisconnectWatch {
  const watch = { isAvailable: false, close: () => subscription.unsubscribe() };
  const subscription = connection.subscribe(disconnectSubject, {
    callback: (error, message) => {
      // An error: the broker does not let this user listen.
      if (error) return;
      watch.isAvailable = true;
      const workerId = workerOf(message.data);
      if (workerId !== null) onDisconnect(workerId);
    },
  });
  return watch;
}

/**
 * The worker whose connection an event tells of, or null: a client's name is a worker's id. Where the broker knows its
 * clients by user names, the name must be of that user, so that nobody can report another one's end.
 */
export function workerOf(data: Uint8Array): string | null {
  if (data.byteLength > maxEventBytes) return null;
  const { name = '', user = '' } = clientOf(data) ?? {};
  if (!isPeer(name)) return null;
  return safeId.test(user) && !name.startsWith(`${user}.`) ? null : name;
}

function clientOf(data: Uint8Array): { name?: string | undefined; user?: string | undefined } | null {
  try {
    return event.safeParse(JSON.parse(Buffer.from(data).toString('utf8'))).data?.client ?? null;
  } catch {
    return null;
  }
}
