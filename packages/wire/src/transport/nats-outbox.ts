/**
 * The sending end of bulk transfers over NATS: answers each request with the bucket, as frames of at most one chunk
 * each. Nobody chooses where it publishes: an answer goes to the subject of the peer that the request's own subject
 * names. The client library has no backpressure, so this end sends no more than a window ahead of what the server has
 * taken, and lets others wait their turn: a peer that asks for everything at once costs no memory.
 */
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { anyPeer, type Subjects, senderOf } from '../protocol/subjects.ts';
import type { BulkOutbox } from './bulk.ts';
import {
  type BulkKey,
  bucketText,
  checksumOf,
  decodeHeader,
  encodeHeader,
  type FrameHeader,
  frameHeaderBytes,
  requestBytes,
} from './frame.ts';
import { watchLink } from './link.ts';
import { pieceBytesOf } from './payload.ts';
import { Turns } from './turns.ts';

/** Bytes sent that the server may not have taken yet. */
const aheadBytes = 32 * 1024 * 1024;

interface Request {
  requester: string;
  number: number;
  header: FrameHeader;
}

export class NatsOutbox implements BulkOutbox {
  readonly #connection: NatsConnection;
  readonly #runTag: number;
  readonly #subjects: Subjects;
  readonly #peer: string;
  readonly #offers = new Map<string, { key: BulkKey; bytes: Uint8Array }>();
  readonly #subscription: Subscription;
  readonly #waiting = new Turns<Request>();
  #aheadBytes = 0;
  #closed = false;
  /** Requests that were not answered because too many waited. */
  numDropped = 0;

  /** Serves the fetches that name this peer. */
  constructor(connection: NatsConnection, runTag: number, subjects: Subjects, peer: string) {
    this.#connection = connection;
    this.#runTag = runTag;
    this.#subjects = subjects;
    this.#peer = peer;
    this.#subscription = connection.subscribe(subjects.fetch(peer, anyPeer), {
      callback: (error, message) => {
        if (!error) this.#receive(message);
      },
    });
    // Whoever waited asks anew when the broker is back.
    watchLink(connection, { onLost: () => this.#waiting.clear() });
  }

  offer(key: BulkKey, bucket: number, bytes: Uint8Array): void {
    this.#offers.set(bucketText(key, bucket), { key, bytes });
  }

  withdraw(keep: (key: BulkKey) => boolean): void {
    for (const [text, { key }] of this.#offers) if (!keep(key)) this.#offers.delete(text);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#subscription.unsubscribe();
    this.#offers.clear();
    this.#waiting.clear();
  }

  #receive({ subject, data }: Msg): void {
    const requester = senderOf(subject);
    const header = decodeHeader(data, this.#runTag);
    if (requester === null || typeof header === 'string' || header.role !== 'request') return;
    if (data.byteLength !== requestBytes) return;
    const number = Buffer.from(data.buffer, data.byteOffset, requestBytes).readUInt32LE(frameHeaderBytes);
    // Asked again while it waits.
    if (this.#waiting.of(requester).some((other) => other.number === number)) return;
    if (this.#waiting.add(requester, { requester, number, header })) this.#serve();
    // It is asked for again if it was meant.
    else this.numDropped++;
  }

  #serve(): void {
    while (this.#aheadBytes < aheadBytes && !this.#closed) {
      const request = this.#waiting.next();
      if (!request) return;
      const numBytes = this.#answer(request);
      if (numBytes === 0) continue;
      this.#aheadBytes += numBytes;
      const taken = () => {
        this.#aheadBytes -= numBytes;
        this.#serve();
      };
      // It fails when the connection breaks: then nothing is ahead any more.
      this.#connection.flush().then(taken, taken);
    }
  }

  /** Sends what was asked for, and returns how many bytes that was. */
  #answer({ requester, number, header }: Request): number {
    const reply = `${this.#subjects.frames(requester, this.#peer)}.${number}`;
    const bytes = this.#offers.get(bucketText(header, header.bucket))?.bytes;
    if (!bytes) {
      const absent = Buffer.allocUnsafe(frameHeaderBytes);
      encodeHeader(absent, this.#runTag, { ...header, role: 'absent' });
      this.#connection.publish(reply, absent);
      return 0;
    }
    const chunkBytes = pieceBytesOf(this.#connection);
    // At least one frame: that a bucket is empty is an answer too.
    for (
      let offsetBytes = 0;
      offsetBytes === 0 || offsetBytes < bytes.byteLength;
      offsetBytes += chunkBytes
    ) {
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
    return bytes.byteLength;
  }
}
