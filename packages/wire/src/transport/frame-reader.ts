/**
 * Reads one frame after another as its bytes come: the header first, which says where the rest goes. A frame that the
 * connection breaks off ends with the next one that begins, and has never counted.
 */
import { decodeHeader, frameHeaderBytes } from './frame.ts';
import type { Fetch, Piece } from './nats-fetch.ts';
import type { PayloadTaker } from './splitter.ts';

export interface FrameEvents {
  /** Something of a frame has come from this peer. */
  onHeard(peer: string): void;
  /** Told of each frame that is not what its sender was asked for. */
  onFault(peer: string, what: string): void;
}

export class FrameReader implements PayloadTaker {
  readonly #runTag: number;
  readonly #events: FrameEvents;
  readonly #header = Buffer.alloc(frameHeaderBytes);
  #headerBytes = 0;
  #payloadBytes = 0;
  #fetches: readonly Fetch[] = [];
  #pieces: { fetch: Fetch; piece: Piece }[] = [];

  constructor(runTag: number, events: FrameEvents) {
    this.#runTag = runTag;
    this.#events = events;
  }

  /** A message of so many bytes comes, for these fetches: all of one peer and bucket. */
  begin(fetches: readonly Fetch[], numBytes: number): PayloadTaker {
    this.#fetches = fetches;
    this.#headerBytes = 0;
    this.#payloadBytes = numBytes - frameHeaderBytes;
    this.#pieces = [];
    return this;
  }

  take(bytes: Uint8Array): void {
    for (const { peer } of this.#fetches) this.#events.onHeard(peer);
    let rest = bytes;
    if (this.#headerBytes < frameHeaderBytes) {
      const part = bytes.subarray(0, frameHeaderBytes - this.#headerBytes);
      this.#header.set(part, this.#headerBytes);
      this.#headerBytes += part.byteLength;
      if (this.#headerBytes < frameHeaderBytes) return;
      this.#readHeader();
      rest = bytes.subarray(part.byteLength);
    }
    for (const { piece } of this.#pieces) piece.take(rest);
  }

  end(): void {
    // Shorter than a header.
    if (this.#headerBytes < frameHeaderBytes) this.#readHeader();
    for (const { fetch, piece } of this.#pieces) this.#tell(fetch, piece.end());
  }

  #readHeader(): void {
    const header = decodeHeader(this.#header.subarray(0, this.#headerBytes), this.#runTag);
    for (const fetch of this.#fetches) {
      const begun =
        typeof header === 'string' ? fetch.damagedBy(header) : fetch.begin(header, this.#payloadBytes);
      if (begun !== null && typeof begun !== 'string') this.#pieces.push({ fetch, piece: begun });
      else this.#tell(fetch, begun);
    }
  }

  #tell(fetch: Fetch, fault: string | null): void {
    if (fault !== null) this.#events.onFault(fetch.peer, fault);
  }
}
