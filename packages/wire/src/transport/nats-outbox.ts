/**
 * The sending end of bulk transfers over NATS: answers each request with the bucket, as frames of at most one chunk
 * each. Nobody chooses where it publishes: an answer goes to the subject of the peer that the request's own subject
 * names, or, of weights, to the one of all who have asked for the same. Those alone listen there, so what a request grants
 * holds for each of them, and the broker makes as many of one message as are wanted. This end sends no more than a window
 * ahead of what the system has taken, and lets others wait their turn: a peer that asks for everything at once costs no
 * memory, and a frame is written from where its values are.
 */
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { checksumOf } from '@unet-fleet/numerics';
import { anyPeer, type Subjects, senderOf } from '../protocol/subjects.ts';
import type { BulkOutbox } from './bulk.ts';
import { type BulkPort, portOf } from './bulk-port.ts';
import {
  type BulkKey,
  bucketText,
  decodeHeader,
  encodeHeader,
  type FrameHeader,
  frameHeaderBytes,
  requestBytes,
} from './frame.ts';
import { Gathering } from './gathering.ts';
import { watchLink } from './link.ts';
import { pieceBytesOf } from './payload.ts';
import { Turns } from './turns.ts';

/** Bytes sent that the system may not have taken yet: two buckets, so that it never waits for the next. */
const aheadBytes = 8 * 1024 * 1024;

interface Request {
  requester: string;
  number: number;
  header: FrameHeader;
}

interface Frame {
  header: Uint8Array;
  payload: Uint8Array;
}

interface Offer {
  key: BulkKey;
  bucket: number;
  bytes: Uint8Array;
  /** Made when the bucket is first asked for, for all who ask; null before, and for pieces of `pieceBytes`. */
  frames: Frame[] | null;
  pieceBytes: number;
}

export class NatsOutbox implements BulkOutbox {
  readonly #connection: NatsConnection;
  readonly #port: BulkPort;
  readonly #runTag: number;
  readonly #subjects: Subjects;
  readonly #peer: string;
  readonly #offers = new Map<string, Offer>();
  readonly #subscription: Subscription;
  readonly #waiting = new Turns<Request>();
  /** For weights, which go out once for all. */
  readonly #gathering = new Gathering<Request>(() => this.#serve());
  #aheadBytes = 0;
  #closed = false;
  /** Requests that were not answered because too many waited. */
  numDropped = 0;

  /** Serves the fetches that name this peer. */
  constructor(connection: NatsConnection, runTag: number, subjects: Subjects, peer: string) {
    this.#connection = connection;
    this.#port = portOf(connection);
    this.#runTag = runTag;
    this.#subjects = subjects;
    this.#peer = peer;
    this.#subscription = connection.subscribe(subjects.fetch(peer, anyPeer), {
      callback: (error, message) => {
        if (!error) this.#receive(message);
      },
    });
    // Whoever waited asks anew when the broker is back.
    watchLink(connection, { onLost: () => this.#forgetRequests() });
  }

  offer(key: BulkKey, bucket: number, bytes: Uint8Array): void {
    this.#offers.set(bucketText(key, bucket), { key, bucket, bytes, frames: null, pieceBytes: 0 });
  }

  withdraw(keep: (key: BulkKey) => boolean): void {
    for (const [text, { key }] of this.#offers) if (!keep(key)) this.#offers.delete(text);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#subscription.unsubscribe();
    this.#offers.clear();
    this.#forgetRequests();
  }

  #forgetRequests(): void {
    this.#waiting.clear();
    this.#gathering.clear();
  }

  #receive({ subject, data }: Msg): void {
    const requester = senderOf(subject);
    const header = decodeHeader(data, this.#runTag);
    if (requester === null || typeof header === 'string' || header.role !== 'request') return;
    if (data.byteLength !== requestBytes) return;
    const number = Buffer.from(data.buffer, data.byteOffset, requestBytes).readUInt32LE(frameHeaderBytes);
    // Asked again while it waits.
    if (this.#waiting.of(requester).some((other) => other.number === number)) return;
    const request = { requester, number, header };
    const text = bucketText(header, header.bucket);
    const isTaken =
      header.kind === 'weights' && this.#offers.has(text)
        ? this.#gathering.add(header.version, text, requester, request)
        : this.#waiting.add(requester, request);
    if (isTaken) this.#serve();
    // It is asked for again if it was meant.
    else this.numDropped++;
  }

  #serve(): void {
    while (this.#aheadBytes < aheadBytes && !this.#closed) {
      const together = this.#gathering.next();
      const request = together ? undefined : this.#waiting.next();
      if (together) this.#answerAll(together);
      else if (request) this.#answer(request);
      else return;
    }
  }

  /** They have asked for the same, and listen for it already. */
  #answerAll(requests: readonly Request[]): void {
    const { version, bucket } = requests[0]!.header;
    const offer = this.#offers.get(bucketText(requests[0]!.header, bucket));
    if (!offer) for (const request of requests) this.#sendAbsent(request);
    else this.#sendFrames(`${this.#subjects.weights(this.#peer)}.${version}.${bucket}`, offer);
  }

  #answer(request: Request): void {
    const { header } = request;
    const offer = this.#offers.get(bucketText(header, header.bucket));
    if (!offer) this.#sendAbsent(request);
    else this.#sendFrames(this.#replyOf(request), offer);
  }

  #replyOf({ requester, number }: Request): string {
    return `${this.#subjects.frames(requester, this.#peer)}.${number}`;
  }

  #sendAbsent(request: Request): void {
    const absent = Buffer.allocUnsafe(frameHeaderBytes);
    encodeHeader(absent, this.#runTag, { ...request.header, role: 'absent' });
    this.#connection.publish(this.#replyOf(request), absent);
  }

  #sendFrames(subject: string, offer: Offer): void {
    for (const frame of this.#framesOf(offer)) this.#send(subject, frame);
  }

  #send(subject: string, { header, payload }: Frame): void {
    this.#aheadBytes += payload.byteLength;
    this.#port.send(subject, header, payload, () => {
      this.#aheadBytes -= payload.byteLength;
      this.#serve();
    });
  }

  #framesOf(offer: Offer): Frame[] {
    const pieceBytes = pieceBytesOf(this.#connection);
    // The broker that is there now may take other pieces than the one before.
    if (!offer.frames || offer.pieceBytes !== pieceBytes) {
      offer.frames = framesOf(offer, pieceBytes, this.#runTag);
      offer.pieceBytes = pieceBytes;
    }
    return offer.frames;
  }
}

function framesOf({ key, bucket, bytes }: Offer, pieceBytes: number, runTag: number): Frame[] {
  // At least one frame: that a bucket is empty is an answer too.
  const numFrames = Math.max(1, Math.ceil(bytes.byteLength / pieceBytes));
  return Array.from({ length: numFrames }, (_, i) => {
    const offsetBytes = i * pieceBytes;
    const payload = bytes.subarray(offsetBytes, offsetBytes + pieceBytes);
    const header = Buffer.allocUnsafe(frameHeaderBytes);
    encodeHeader(header, runTag, {
      ...key,
      role: 'data',
      bucket,
      offsetBytes,
      lengthBytes: payload.byteLength,
      totalBytes: bytes.byteLength,
      checksum: checksumOf(payload),
    });
    return { header, payload };
  });
}
