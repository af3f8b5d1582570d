/**
 * The receiving end of bulk transfers over NATS, on a connection of its own. It bounds the bytes it has asked for, which
 * stays far under the broker's limit of pending bytes per connection, so the broker never sees a slow consumer. A frame
 * counts only if it came on the subject of the peer that was asked: this one's own, or, of weights, the one of all who want
 * the same, to which it listens from the moment before it asks until it has them.
 */
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { UserError } from '@unet-fleet/law';
import { anyPeer, type Subjects } from '../protocol/subjects.ts';
import { type BulkInbox, FetchError } from './bulk.ts';
import { type BulkPort, portOf } from './bulk-port.ts';
import { type BulkKey, encodeHeader, frameHeaderBytes, requestBytes } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { type Link, watchLink } from './link.ts';
import { Fetch } from './nats-fetch.ts';

/** Bytes a receiver asks for before any has come; further fetches wait their turn. */
const windowBytes = 16 * 1024 * 1024;
/** Fetches under way: those of weights have a subscription each, of which a broker may allow few. */
const maxFetches = 20;
/** After a broker has come back, a peer that it does not know may still come. */
const returnGraceMs = 3_000;
/** Status by which a server says that nobody listens. */
const nobodyThere = 503;

export class NatsInbox implements BulkInbox {
  readonly #connection: NatsConnection;
  readonly #runTag: number;
  readonly #subjects: Subjects;
  readonly #me: string;
  readonly #port: BulkPort;
  readonly #reader: FrameReader;
  readonly #subscription: Subscription;
  readonly #stopReceiving: (() => void)[];
  /** By the subjects of their answers. */
  readonly #fetches = new Map<string, Fetch[]>();
  readonly #waiting: { peer: string; wake(): void; refuse(error: FetchError): void }[] = [];
  readonly #link: Link;
  #backAtMs = Number.NEGATIVE_INFINITY;
  readonly #lastHeardMs = new Map<string, number>();
  #requestedBytes = 0;
  #numUnderWay = 0;
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
    this.#port = portOf(connection);
    const onHeard = (peer: string) => void this.#lastHeardMs.set(peer, performance.now());
    this.#reader = new FrameReader(runTag, { onHeard, onFault });
    // Values come by the port; what comes this way is the server's word that nobody is there.
    this.#subscription = connection.subscribe(`${subjects.frames(me, anyPeer)}.*`, {
      callback: (error, message) => {
        if (!error) this.#hearOfNobody(message);
      },
    });
    this.#stopReceiving = [subjects.frames(me, ''), subjects.weights('')].map((prefix) =>
      this.#port.receive(prefix, (subject, numBytes) =>
        this.#reader.begin(this.#fetches.get(subject) ?? [], numBytes),
      ),
    );
    this.#link = watchLink(connection, { onBack: () => this.#askAllAnew() });
  }

  async fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    while (!this.#hasRoomFor(into.byteLength) && !this.#closed) {
      await new Promise<void>((wake, refuse) => this.#waiting.push({ peer, wake, refuse }));
    }
    if (this.#closed) throw new FetchError('closed', 'the connection for bulk transfers is closed');
    this.#requestedBytes += into.byteLength;
    this.#numUnderWay++;
    try {
      await this.#fetch(peer, key, bucket, into);
    } finally {
      this.#requestedBytes -= into.byteLength;
      this.#numUnderWay--;
      for (const { wake } of this.#waiting.splice(0)) wake();
    }
  }

  #hasRoomFor(numBytes: number): boolean {
    if (this.#numUnderWay === 0) return true;
    return this.#numUnderWay < maxFetches && this.#requestedBytes + numBytes <= windowBytes;
  }

  /** Ends all fetches from a peer that is gone: they reject with FetchError('absent'). */
  cancel(peer: string): void {
    const gone = () => new FetchError('absent', `${peer} is gone`);
    for (const waiting of this.#waiting.splice(0)) {
      if (waiting.peer === peer) waiting.refuse(gone());
      else this.#waiting.push(waiting);
    }
    for (const fetch of this.#allFetches()) if (fetch.peer === peer) fetch.settle(gone());
    this.#lastHeardMs.delete(peer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#subscription.unsubscribe();
    for (const stop of this.#stopReceiving) stop();
    for (const fetch of this.#allFetches()) {
      fetch.settle(new FetchError('closed', 'the connection for bulk transfers was closed'));
    }
    for (const { wake } of this.#waiting.splice(0)) wake();
  }

  #askAllAnew(): void {
    this.#backAtMs = performance.now();
    for (const fetch of this.#allFetches()) fetch.askAnew();
  }

  #allFetches(): Set<Fetch> {
    return new Set([...this.#fetches.values()].flat());
  }

  #fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    const number = this.#nextRequest++ % 2 ** 32;
    const subject = this.#subjects.fetch(peer, this.#me);
    const reply = `${this.#subjects.frames(this.#me, peer)}.${number}`;
    const request = requestFor(this.#runTag, key, bucket, into.byteLength, number);
    return new Promise<void>((resolve, reject) => {
      const ends: (() => void)[] = [];
      const fetch = new Fetch(peer, key, bucket, into, {
        ask: () => {
          // The outbox makes the reply's subject itself; the server uses this one to say that nobody is there.
          if (this.#link.isUp) this.#connection.publish(subject, request, { reply });
          return this.#link.isUp;
        },
        lastHeardMs: () => this.#lastHeardMs.get(peer) ?? Number.NEGATIVE_INFINITY,
        settled: (error) => {
          for (const end of ends) end();
          if (error) reject(error);
          else resolve();
        },
      });
      ends.push(this.#awaitOn(reply, fetch));
      if (key.kind === 'weights') {
        const shared = `${this.#subjects.weights(peer)}.${key.version}.${bucket}`;
        ends.push(
          this.#awaitOn(shared, fetch),
          this.#listen(shared, (error) => fetch.settle(error)),
        );
      }
      fetch.askAnew();
    });
  }

  /** Has frames on the subject taken by the fetch, until what it returns is called. */
  #awaitOn(subject: string, fetch: Fetch): () => void {
    this.#fetches.set(subject, [...(this.#fetches.get(subject) ?? []), fetch]);
    return () => {
      const others = this.#fetches.get(subject)!.filter((other) => other !== fetch);
      if (others.length > 0) this.#fetches.set(subject, others);
      else this.#fetches.delete(subject);
    };
  }

  /** Has the broker send what is said on the subject, until what it returns is called. */
  #listen(subject: string, onRefused: (error: UserError) => void): () => void {
    const refusal = `the broker lets nobody hear weights: its permissions are of another version of unet-fleet`;
    const subscription = this.#connection.subscribe(subject, {
      callback: (error) => {
        if (error) onRefused(new UserError(`${refusal}; make its configuration anew`));
      },
    });
    return () => subscription.unsubscribe();
  }

  #hearOfNobody({ subject, data, headers }: Msg): void {
    if (headers?.code !== nobodyThere || data.byteLength > 0) return;
    const mayComeBack = performance.now() - this.#backAtMs <= returnGraceMs;
    for (const fetch of this.#fetches.get(subject) ?? []) fetch.missing(mayComeBack);
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
