/**
 * One fetch of a bucket over NATS: asks, puts the frames together, and asks again where something is lost or damaged,
 * a bounded number of times. Nothing is used that is not exactly what was asked for.
 */
import { FetchError } from './bulk.ts';
import {
  type BulkKey,
  bucketText,
  checksumOf,
  chunkBytes,
  decodeHeader,
  frameHeaderBytes,
  isChunkSize,
  mismatch,
} from './frame.ts';

/** A fetch whose peer has sent nothing for this long is asked for again, this often, and then given up. */
const silenceMs = 5_000;
const maxAttempts = 4;
/** After a damaged frame: the rest of the answer may still be coming, and may be whole. */
const damagedPauseMs = 200;
/** After a broker has come back: its clients do one after another, so a peer that it does not know may still come. */
const returnPauseMs = 200;

export interface FetchPorts {
  /** Sends the request; false while the broker is away. */
  ask(): boolean;
  /** When the peer was last heard, on performance.now()'s clock; -Infinity for never. */
  lastHeardMs(): number;
  /** Called once: with null when the bucket is there. */
  settled(error: FetchError | null): void;
}

export class Fetch {
  readonly peer: string;
  readonly #key: BulkKey;
  readonly #bucket: number;
  readonly #runTag: number;
  readonly #into: Uint8Array;
  readonly #ports: FetchPorts;
  readonly #received = new Set<number>();
  #receivedBytes = 0;
  /** As the sender cuts its buckets; 0 until the first chunk is there. */
  #chunkBytes = 0;
  #numAttempts = 0;
  #numDamaged = 0;
  #askedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isSettled = false;

  constructor(
    peer: string,
    key: BulkKey,
    bucket: number,
    runTag: number,
    into: Uint8Array,
    ports: FetchPorts,
  ) {
    this.peer = peer;
    this.#key = key;
    this.#bucket = bucket;
    this.#runTag = runTag;
    this.#into = into;
    this.#ports = ports;
  }

  /** Asks as if for the first time: nothing of the attempts before counts. */
  askAnew(): void {
    this.#numAttempts = 0;
    this.#ask();
  }

  /** The broker knows nobody who serves the peer's subject. */
  missing(mayComeBack: boolean): void {
    if (mayComeBack) this.#after(returnPauseMs, () => this.askAnew());
    else this.settle(new FetchError('absent', `the broker does not know ${this.peer}`));
  }

  /** Takes a frame that came on this fetch's subject. Returns what is wrong with it, or null. */
  receive(frame: Uint8Array): string | null {
    const header = decodeHeader(frame, this.#runTag);
    if (typeof header === 'string') return this.#damaged(header);
    if (header.role === 'absent') {
      const text = bucketText(this.#key, this.#bucket);
      this.settle(new FetchError('absent', `the peer no longer has ${text}`));
      return null;
    }
    if (header.role !== 'data') return this.#damaged('a frame that was not asked for');
    const wrong = mismatch(header, this.#key, this.#bucket, this.#into.byteLength);
    if (wrong) return this.#damaged(wrong);
    const { offsetBytes, lengthBytes, totalBytes, checksum } = header;
    const isLast = offsetBytes + lengthBytes === totalBytes;
    const payload = frame.subarray(frameHeaderBytes);
    if (payload.byteLength !== lengthBytes) return this.#damaged('a frame of another length than it says');
    if (checksumOf(payload) !== checksum) return this.#damaged('a frame that does not match its checksum');
    // The last one of a bucket, before any by which it could be told where it may begin: it comes again.
    if (offsetBytes > 0 && isLast && this.#chunkBytes === 0) return null;
    if (!this.#isChunk(offsetBytes, lengthBytes, isLast)) return this.#damaged('a frame that is no chunk');
    if (this.#received.has(offsetBytes)) return null;
    this.#into.set(payload, offsetBytes);
    this.#received.add(offsetBytes);
    this.#receivedBytes += payload.byteLength;
    if (this.#receivedBytes === this.#into.byteLength) this.settle(null);
    return null;
  }

  /**
   * Chunks lie side by side: overlapping ones could make a bucket seem whole that is not. How large they are depends on
   * the sender's broker, which may be another after a while; then all is taken anew.
   */
  #isChunk(offsetBytes: number, lengthBytes: number, isLast: boolean): boolean {
    if (isLast && offsetBytes === 0) return lengthBytes <= chunkBytes;
    if (!isLast && lengthBytes !== this.#chunkBytes) {
      if (!isChunkSize(lengthBytes)) return false;
      this.#chunkBytes = lengthBytes;
      this.#received.clear();
      this.#receivedBytes = 0;
    }
    return offsetBytes % this.#chunkBytes === 0 && lengthBytes <= this.#chunkBytes;
  }

  settle(error: FetchError | null): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    clearTimeout(this.#timer);
    this.#ports.settled(error);
  }

  #ask(): void {
    clearTimeout(this.#timer);
    if (this.#numAttempts === maxAttempts) {
      this.settle(this.#givenUp());
      return;
    }
    // Asked anew when the broker is back: what is published meanwhile is lost.
    if (!this.#ports.ask()) return;
    this.#numAttempts++;
    this.#askedAtMs = performance.now();
    this.#after(silenceMs, () => this.#listen());
  }

  /**
   * A peer sends its answers one after another: while others come, this one may still be under way, and asking again
   * would send it twice over a link that is slow already.
   */
  #listen(): void {
    const quietMs = performance.now() - Math.max(this.#askedAtMs, this.#ports.lastHeardMs());
    if (quietMs >= silenceMs) this.#ask();
    else this.#after(silenceMs - quietMs, () => this.#listen());
  }

  #damaged(what: string): string {
    this.#numDamaged++;
    this.#after(damagedPauseMs, () => this.#ask());
    return what;
  }

  #after(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    if (!this.#isSettled) this.#timer = setTimeout(act, ms);
  }

  #givenUp(): FetchError {
    const text = bucketText(this.#key, this.#bucket);
    return this.#numDamaged > 0
      ? new FetchError('damaged', `what ${this.peer} sent for ${text} was damaged each time`)
      : new FetchError('timeout', `${this.peer} did not send ${text}`);
  }
}
