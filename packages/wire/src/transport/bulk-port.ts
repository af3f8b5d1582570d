/**
 * The way of bulk messages past the client's buffers, of one connection: written from the sender's own memory, and read
 * from the socket's. The client keeps all else: subscriptions, permissions, encryption, and the search for a broker that is
 * gone. A port outlives the transports that the client makes, one for each time that it connects.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import type { PayloadTaker } from './splitter.ts';

/** What a port asks of the transport of the moment. */
export interface BulkWriter {
  /** Writes a message; `taken` is called when the system has it, or it is lost with the connection. */
  write(subject: string, head: Uint8Array, payload: Uint8Array, taken: () => void): void;
}

export type TakerOf = (subject: string, numBytes: number) => PayloadTaker | null;

export class BulkPort {
  #writer: BulkWriter | null = null;
  readonly #receivers = new Map<string, TakerOf>();

  attach(writer: BulkWriter): void {
    this.#writer = writer;
  }

  /**
   * Publishes `head` and `payload` as one message, which must be no larger than the broker takes. The bytes must stay as
   * they are until `taken` is called, which is once and never before this has returned.
   */
  send(subject: string, head: Uint8Array, payload: Uint8Array, taken: () => void): void {
    if (this.#writer) this.#writer.write(subject, head, payload, taken);
    else setImmediate(taken);
  }

  /** Has messages on subjects with this prefix taken by `takerOf`, and not by the client, until what it returns is called. */
  receive(prefix: string, takerOf: TakerOf): () => void {
    this.#receivers.set(prefix, takerOf);
    return () => void this.#receivers.delete(prefix);
  }

  takerOf(subject: string, numBytes: number): PayloadTaker | null {
    for (const [prefix, takerOf] of this.#receivers) {
      if (subject.startsWith(prefix)) return takerOf(subject, numBytes);
    }
    return null;
  }
}

const ports = new WeakMap<NatsConnection, BulkPort>();

/** Makes the port known as the connection's. */
export const setPort = (connection: NatsConnection, port: BulkPort): void => void ports.set(connection, port);

/** The port of a connection that connectBroker has made. */
export function portOf(connection: NatsConnection): BulkPort {
  const port = ports.get(connection);
  if (!port) throw new Error('a connection without a port for bulk: connectBroker makes those that have one');
  return port;
}
