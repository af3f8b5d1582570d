/**
 * One fetch of a bucket over NATS: puts the frames together, and has asked again for what is lost or damaged. Nothing is
 * used that is not exactly what was asked for.
 */
import { Asking, type AskingPorts } from './asking.ts';
import {
  type BulkKey,
  checksumOf,
  chunkBytes,
  decodeHeader,
  frameHeaderBytes,
  isChunkSize,
  mismatch,
} from './frame.ts';

export class Fetch extends Asking {
  readonly #runTag: number;
  readonly #into: Uint8Array;
  readonly #received = new Set<number>();
  #receivedBytes = 0;
  /** As the sender cuts its buckets; 0 until the first chunk is there. */
  #chunkBytes = 0;

  constructor(
    peer: string,
    key: BulkKey,
    bucket: number,
    runTag: number,
    into: Uint8Array,
    ports: AskingPorts,
  ) {
    super(peer, key, bucket, ports);
    this.#runTag = runTag;
    this.#into = into;
  }

  /** Takes a frame that came on this fetch's subject. Returns what is wrong with it, or null. */
  receive(frame: Uint8Array): string | null {
    const header = decodeHeader(frame, this.#runTag);
    if (typeof header === 'string') return this.#damaged(header);
    if (header.role === 'absent') {
      this.absent();
      return null;
    }
    if (header.role !== 'data') return this.#damaged('a frame that was not asked for');
    const wrong = mismatch(header, this.key, this.bucket, this.#into.byteLength);
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

  #damaged(what: string): string {
    this.damaged();
    return what;
  }
}
