/**
 * The receiving end of bulk transfers over NATS, on a connection of its own. It bounds the bytes it has asked for, which
 * stays far under the broker's limit of pending bytes per connection, so the broker never sees a slow consumer. A frame
 * counts only if it came on the subject of the peer that was asked.
 */
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { anyPeer, type Subjects } from '../protocol/subjects.ts';
import { type BulkInbox, FetchError } from './bulk.ts';
import { type BulkKey, encodeHeader, frameHeaderBytes, requestBytes } from './frame.ts';
import { type Link, watchLink } from './link.ts';
import { Fetch } from './nats-fetch.ts';

/** Bytes a receiver asks for before any has come; further fetches wait their turn. */
const windowBytes = 16 * 1024 * 1024;
/** After a broker has come back, a peer that it does not know may still come. */
const returnGraceMs = 3_000;
/** Status by which a server says that nobody listens. */
const nobodyThere = 503;

export class NatsInbox implements BulkInbox {
  readonly #connection: NatsConnection;
  readonly #runTag: number;
  readonly #subjects: Subjects;
  readonly #me: string;
  readonly #onFault: (peer: string, what: string) => void;
  readonly #subscription: Subscription;
  /** By the subject of their answers. */
  readonly #fetches = new Map<string, Fetch>();
  readonly #waiting: { peer: string; wake(): void; refuse(error: FetchError): void }[] = [];
  readonly #link: Link;
  #backAtMs = Number.NEGATIVE_INFINITY;
  readonly #lastHeardMs = new Map<string, number>();
  #requestedBytes = 0;
  #nextRequest = 0;
  #closed = false;

  /** Fetches as the peer `me`. `onFault` is told of each frame that is not what its sender was asked for. */
  constructor(
    connection: NatsConnection,
    runTag: number,
    subjects: Subjects,
    me: string,
    onFault: (peer: string, what: string) => void = () => {},
  ) {
    this.#connection = connection;
    this.#runTag = runTag;
    this.#subjects = subjects;
    this.#me = me;
    this.#onFault = onFault;
    this.#subscription = connection.subscribe(`${subjects.frames(me, anyPeer)}.*`, {
      callback: (error, message) => {
        if (!error) this.#receive(message);
      },
    });
    this.#link = watchLink(connection, { onBack: () => this.#askAllAnew() });
  }

  async fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    while (
      this.#requestedBytes > 0 &&
      this.#requestedBytes + into.byteLength > windowBytes &&
      !this.#closed
    ) {
      await new Promise<void>((wake, refuse) => this.#waiting.push({ peer, wake, refuse }));
    }
    if (this.#closed) throw new FetchError('closed', 'the connection for bulk transfers is closed');
    this.#requestedBytes += into.byteLength;
    try {
      await this.#fetch(peer, key, bucket, into);
    } finally {
      this.#requestedBytes -= into.byteLength;
      for (const { wake } of this.#waiting.splice(0)) wake();
    }
  }

  /** Ends all fetches from a peer that is gone: they reject with FetchError('absent'). */
  cancel(peer: string): void {
    const gone = () => new FetchError('absent', `${peer} is gone`);
    for (const waiting of this.#waiting.splice(0)) {
      if (waiting.peer === peer) waiting.refuse(gone());
      else this.#waiting.push(waiting);
    }
    for (const fetch of this.#fetches.values()) if (fetch.peer === peer) fetch.settle(gone());
    this.#lastHeardMs.delete(peer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#subscription.unsubscribe();
    for (const fetch of this.#fetches.values()) {
      fetch.settle(new FetchError('closed', 'the connection for bulk transfers was closed'));
    }
    for (const { wake } of this.#waiting.splice(0)) wake();
  }

  #askAllAnew(): void {
    this.#backAtMs = performance.now();
    for (const fetch of this.#fetches.values()) fetch.askAnew();
  }

  #fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    const number = this.#nextRequest++ % 2 ** 32;
    const subject = this.#subjects.fetch(peer, this.#me);
    const reply = `${this.#subjects.frames(this.#me, peer)}.${number}`;
    const request = requestFor(this.#runTag, key, bucket, into.byteLength, number);
    return new Promise<void>((resolve, reject) => {
      const fetch = new Fetch(peer, key, bucket, this.#runTag, into, {
        ask: () => {
          // The outbox makes the reply's subject itself; the server uses this one to say that nobody is there.
          if (this.#link.isUp) this.#connection.publish(subject, request, { reply });
          return this.#link.isUp;
        },
        lastHeardMs: () => this.#lastHeardMs.get(peer) ?? Number.NEGATIVE_INFINITY,
        settled: (error) => {
          this.#fetches.delete(reply);
          if (error) reject(error);
          else resolve();
        },
      });
      this.#fetches.set(reply, fetch);
      fetch.askAnew();
    });
  }

  #receive({ subject, data, headers }: Msg): void {
    const fetch = this.#fetches.get(subject);
    if (!fetch) return; // a duplicate of a fetch that is over
    if (headers?.code === nobodyThere && data.byteLength === 0) {
      fetch.missing(performance.now() - this.#backAtMs <= returnGraceMs);
      return;
    }
    this.#lastHeardMs.set(fetch.peer, performance.now());
    const fault = fetch.receive(data);
    if (fault !== null) this.#onFault(fetch.peer, fault);
  }
}

/** A header and the number that its answers' subject ends in. */
function requestFor(
  runTag: number,
  key: BulkKey,
  bucket: number,
  totalBytes: number,
  number: number,
): Buffer {
  const request = Buffer.allocUnsafe(requestBytes);
  encodeHeader(request, runTag, {
    ...key,
    role: 'request',
    bucket,
    offsetBytes: 0,
    lengthBytes: 0,
    totalBytes,
    checksum: 0,
  });
  request.writeUInt32LE(number, frameHeaderBytes);
  return request;
}
