/** Both ends of bulk over a NATS connection of their own: whoever fetches and offers opens and closes them together. */
import type { NatsConnection } from '@nats-io/transport-node';
import { subjectsOf } from '../protocol/subjects.ts';
import { runTagOf } from './frame.ts';
import { NatsInbox } from './nats-inbox.ts';
import { NatsOutbox } from './nats-outbox.ts';

export interface NatsEnds {
  inbox: NatsInbox;
  outbox: NatsOutbox;
  /** And the connection. */
  close(): Promise<void>;
}

/** As the peer `me` of a run. `onFault` as the inbox tells it. */
export function natsEnds(
  connection: NatsConnection,
  runId: string,
  me: string,
  onFault?: (peer: string, what: string) => void,
): NatsEnds {
  const subjects = subjectsOf(runId);
  const inbox = new NatsInbox(connection, runTagOf(runId), subjects, me, onFault);
  const outbox = new NatsOutbox(connection, runTagOf(runId), subjects, me);
  return {
    inbox,
    outbox,
    async close() {
      await Promise.all([inbox.close(), outbox.close()]);
      await connection.close();
    },
  };
}
