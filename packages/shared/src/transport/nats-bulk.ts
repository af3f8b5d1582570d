/**
 * Bulk transfer over NATS, on a connection of its own. A request names a bucket; the answer is that bucket as frames
 * of at most one chunk each. The receiver bounds the bytes it has asked for, which stays far under the broker's
 * limit of pending bytes per connection, so the broker never sees a slow consumer. Nobody chooses where another one
 * publishes: an answer goes to the subject of the peer that the request's own subject names, and counts only if it
 * came on the subject of the peer that was asked.
 */
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { anyPeer, type Subjects, senderOf } from '../protocol/subjects.ts';
import { type BulkInbox, type BulkOutbox, FetchError } from './bulk.ts';
import {
  type BulkKey,
  bulkKeyText,
  checksumOf,
  decodeHeader,
  encodeHeader,
  frameHeaderBytes,
  mismatch,
} from './frame.ts';
import { type Link, watchLink } from './link.ts';

/** Payload bytes per frame: with its header well under the 1 MiB that every NATS server takes by default. */
const chunkBytes = 512 * 1024;
/** Bytes a receiver asks for before any has come; further fetches wait their turn. */
const windowBytes = 16 * 1024 * 1024;
/** A fetch whose peer has sent nothing for this long is asked for again, this often, and then given up. */
const silenceMs = 5_000;
const maxAttempts = 4;
/** After a broker has come back: its clients do one after another, so a peer that it does not know may still come. */
const returnGraceMs = 3_000;
const returnPauseMs = 200;
const nobodyThere = 503;

/** A request is a header and the number that its answers' subject ends in. */
const requestBytes = frameHeaderBytes + 4;

const bucketText = (key: BulkKey, bucket: number) => `${bulkKeyText(key)}-${bucket}`;

/** Bytes of the chunk that begins at an offset; -1 where none does. */
const chunkLength = (offsetBytes: number, totalBytes: number): number =>
  offsetBytes % chunkBytes === 0 ? Math.min(chunkBytes, totalBytes - offsetBytes) : -1;

export class NatsOutbox implements BulkOutbox {
  readonly #connection: NatsConnection;
  readonly #runTag: number;
  readonly #subjects: Subjects;
  readonly #peer: string;
  readonly #offers = new Map<string, { key: BulkKey; bytes: Uint8Array }>();
  readonly #subscription: Subscription;

  /** Serves the fetches that name this peer. */
  constructor(connection: NatsConnection, runTag: number, subjects: Subjects, peer: string) {
    this.#connection = connection;
    this.#runTag = runTag;
    this.#subjects = subjects;
    this.#peer = peer;
    this.#subscription = connection.subscribe(subjects.fetch(peer, anyPeer), {
      callback: (error, message) => {
        if (!error) this.#answer(message);
      },
    });
  }

  offer(key: BulkKey, bucket: number, bytes: Uint8Array): void {
    this.#offers.set(bucketText(key, bucket), { key, bytes });
  }

  withdraw(keep: (key: BulkKey) => boolean): void {
    for (const [text, { key }] of this.#offers) if (!keep(key)) this.#offers.delete(text);
  }

  async close(): Promise<void> {
    this.#subscription.unsubscribe();
    this.#offers.clear();
  }

  #answer({ subject, data }: Msg): void {
    const requester = senderOf(subject);
    const header = decodeHeader(data, this.#runTag);
    if (requester === null || typeof header === 'string' || header.role !== 'request') return;
    if (data.byteLength !== requestBytes) return;
    const number = Buffer.from(data.buffer, data.byteOffset, requestBytes).readUInt32LE(frameHeaderBytes);
    const reply = `${this.#subjects.frames(requester, this.#peer)}.${number}`;
    const bytes = this.#offers.get(bucketText(header, header.bucket))?.bytes;
    if (!bytes) {
      const absent = Buffer.allocUnsafe(frameHeaderBytes);
      encodeHeader(absent, this.#runTag, { ...header, role: 'absent' });
      this.#connection.publish(reply, absent);
      return;
    }
    for (let offsetBytes = 0; offsetBytes < bytes.byteLength; offsetBytes += chunkBytes) {
      const payload = bytes.subarray(offsetBytes, Math.min(offsetBytes + chunkBytes, bytes.byteLength));
      const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.byteLength);
      encodeHeader(frame, this.#runTag, {
        ...header,
        role: 'data',
        offsetBytes,
        lengthBytes: payload.byteLength,
        totalBytes: bytes.byteLength,
        checksum: checksumOf(payload),
      });
      frame.set(payload, frameHeaderBytes);
      this.#connection.publish(reply, frame);
    }
  }
}

interface Pending {
  peer: string;
  key: BulkKey;
  bucket: number;
  into: Uint8Array;
  received: Set<number>;
  receivedBytes: number;
  /** The broker is back: counts attempts anew. */
  askAnew(): void;
  /** The broker knows nobody who serves the peer's subject. */
  missing(): void;
  settle(error: FetchError | null): void;
}

export class NatsInbox implements BulkInbox {
  readonly #connection: NatsConnection;
  readonly #runTag: number;
  readonly #subjects: Subjects;
  readonly #me: string;
  readonly #subscription: Subscription;
  readonly #pending = new Map<string, Pending>();
  readonly #waiting: { peer: string; wake(): void; refuse(error: FetchError): void }[] = [];
  readonly #link: Link;
  #backAtMs = Number.NEGATIVE_INFINITY;
  readonly #lastHeardMs = new Map<string, number>();
  #requestedBytes = 0;
  #nextRequest = 0;
  #closed = false;

  /** Fetches as the peer `me`. */
  constructor(connection: NatsConnection, runTag: number, subjects: Subjects, me: string) {
    this.#connection = connection;
    this.#runTag = runTag;
    this.#subjects = subjects;
    this.#me = me;
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
      await this.#request(peer, key, bucket, into);
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
    for (const pending of this.#pending.values()) if (pending.peer === peer) pending.settle(gone());
    this.#lastHeardMs.delete(peer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#subscription.unsubscribe();
    for (const pending of this.#pending.values()) {
      pending.settle(new FetchError('closed', 'the connection for bulk transfers was closed'));
    }
    for (const { wake } of this.#waiting.splice(0)) wake();
  }

  #askAllAnew(): void {
    this.#backAtMs = performance.now();
    for (const pending of this.#pending.values()) pending.askAnew();
  }

  #request(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    const number = this.#nextRequest++ % 2 ** 32;
    const subject = this.#subjects.fetch(peer, this.#me);
    const reply = `${this.#subjects.frames(this.#me, peer)}.${number}`;
    const request = Buffer.allocUnsafe(requestBytes);
    request.writeUInt32LE(number, frameHeaderBytes);
    encodeHeader(request, this.#runTag, {
      ...key,
      role: 'request',
      bucket,
      offsetBytes: 0,
      lengthBytes: 0,
      totalBytes: into.byteLength,
      checksum: 0,
    });
    return new Promise<void>((resolve, reject) => {
      let attempts = 0;
      let askedAtMs = 0;
      let timer: NodeJS.Timeout;
      const ask = () => {
        // Asked anew when the broker is back: what is published meanwhile is lost.
        if (!this.#link.isUp) return;
        if (attempts++ === maxAttempts) {
          pending.settle(new FetchError('timeout', `${peer} did not send ${bucketText(key, bucket)}`));
          return;
        }
        askedAtMs = performance.now();
        // The outbox makes the reply's subject itself; the server uses this one to say that nobody is there.
        this.#connection.publish(subject, request, { reply });
        timer = setTimeout(listen, silenceMs);
      };
      const askAnew = () => {
        clearTimeout(timer);
        attempts = 0;
        ask();
      };
      // A peer sends its answers one after another: while others come, this one may still be under way, and asking
      // again would send it twice over a link that is slow already.
      const listen = () => {
        const quietMs = performance.now() - Math.max(askedAtMs, this.#lastHeardMs.get(peer) ?? 0);
        if (quietMs >= silenceMs) ask();
        else timer = setTimeout(listen, silenceMs - quietMs);
      };
      const pending: Pending = {
        peer,
        key,
        bucket,
        into,
        received: new Set(),
        receivedBytes: 0,
        askAnew,
        missing: () => {
          if (performance.now() - this.#backAtMs > returnGraceMs) {
            pending.settle(new FetchError('absent', `the broker does not know ${peer}`));
            return;
          }
          clearTimeout(timer);
          timer = setTimeout(askAnew, returnPauseMs);
        },
        settle: (error) => {
          clearTimeout(timer);
          this.#pending.delete(reply);
          if (error) reject(error);
          else resolve();
        },
      };
      this.#pending.set(reply, pending);
      ask();
    });
  }

  #receive({ subject, data: frame, headers }: Msg): void {
    const pending = this.#pending.get(subject);
    if (!pending) return; // a duplicate of a fetch that is over
    if (headers?.code === nobodyThere && frame.byteLength === 0) {
      pending.missing();
      return;
    }
    this.#lastHeardMs.set(pending.peer, performance.now());
    const header = decodeHeader(frame, this.#runTag);
    if (typeof header === 'string') return; // damaged: silence makes it asked for again
    if (header.role === 'absent') {
      const text = bucketText(pending.key, pending.bucket);
      pending.settle(new FetchError('absent', `the peer no longer has ${text}`));
      return;
    }
    if (mismatch(header, pending.key, pending.bucket, pending.into.byteLength)) return;
    // Chunks lie where this code cuts them: overlapping ones could make a bucket seem whole that is not.
    if (header.lengthBytes !== chunkLength(header.offsetBytes, header.totalBytes)) return;
    const payload = frame.subarray(frameHeaderBytes);
    if (payload.byteLength !== header.lengthBytes || checksumOf(payload) !== header.checksum) return;
    if (pending.received.has(header.offsetBytes)) return;
    pending.into.set(payload, header.offsetBytes);
    pending.received.add(header.offsetBytes);
    pending.receivedBytes += payload.byteLength;
    if (pending.receivedBytes === pending.into.byteLength) pending.settle(null);
  }
}
