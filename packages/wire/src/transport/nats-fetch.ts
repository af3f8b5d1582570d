/**
 * One fetch of a bucket over NATS: puts the frames together, and has asked again for what is lost or damaged. Nothing
 * counts that is not exactly what was asked for: a frame's bytes go into place as they come, but it is there only when its
 * checksum has been found right, and what is there is never written over.
 */
import { Checksum } from '@unet-fleet/numerics';
import { Asking, type AskingPorts } from './asking.ts';
import { copyInto } from './copy-into.ts';
import { type BulkKey, chunkBytes, type FrameHeader, isChunkSize, mismatch } from './frame.ts';

/** A frame under way. */
export interface Piece {
  take(bytes: Uint8Array): void;
  /** Returns what is wrong with it, or null. */
  end(): string | null;
}

export class Fetch extends Asking {
  readonly #into: Uint8Array;
  readonly #received = new Set<number>();
  #receivedBytes = 0;
  /** As the sender cuts its buckets; 0 until the first chunk is there. */
  #chunkBytes = 0;

  constructor(peer: string, key: BulkKey, bucket: number, into: Uint8Array, ports: AskingPorts) {
    super(peer, key, bucket, ports);
    this.#into = into;
  }

  /**
   * Looks at a frame that came on this fetch's subject, with so many bytes behind its header. Returns how to take them, null
   * if they are of no use, or what is wrong with it.
   */
  begin(header: FrameHeader, payloadBytes: number): Piece | string | null {
    if (header.role === 'absent') {
      this.absent();
      return null;
    }
    if (header.role !== 'data') return this.damagedBy('a frame that was not asked for');
    const wrong = mismatch(header, this.key, this.bucket, this.#into.byteLength);
    if (wrong) return this.damagedBy(wrong);
    const { offsetBytes, lengthBytes, totalBytes, checksum } = header;
    const isLast = offsetBytes + lengthBytes === totalBytes;
    if (payloadBytes !== lengthBytes) return this.damagedBy('a frame of another length than it says');
    // The last one of a bucket, before any by which it could be told where it may begin: it comes again.
    if (offsetBytes > 0 && isLast && this.#chunkBytes === 0) return null;
    if (!this.#isChunk(offsetBytes, lengthBytes, isLast)) return this.damagedBy('a frame that is no chunk');
    if (this.#received.has(offsetBytes)) return null;
    return this.#piece(offsetBytes, lengthBytes, checksum);
  }

  damagedBy(what: string): string {
    this.damaged();
    return what;
  }

  #piece(offsetBytes: number, lengthBytes: number, checksum: number): Piece {
    let takenBytes = 0;
    const sum = new Checksum(this.#into.subarray(offsetBytes, offsetBytes + lengthBytes));
    return {
      take: (bytes) => {
        // Once it is over, the memory is somebody else's.
        if (this.isSettled) return;
        copyInto(this.#into, offsetBytes + takenBytes, bytes);
        takenBytes += bytes.byteLength;
        // While it is in the processor's cache.
        sum.reach(takenBytes);
      },
      end: () => {
        if (this.isSettled) return null;
        if (sum.value() !== checksum) return this.damagedBy('a frame that does not match its checksum');
        this.#received.add(offsetBytes);
        this.#receivedBytes += lengthBytes;
        if (this.#receivedBytes === this.#into.byteLength) this.settle(null);
        return null;
      },
    };
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
}
