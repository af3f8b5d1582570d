/**
 * The checksum of values that travel: XXH3 of each piece of 64 KiB, and a CRC of these. What it keeps true: it may be taken
 * while the bytes still come, piece by piece, while they are in the processor's cache; and it is the same wherever they lie.
 * In a NumericMemory they are read where they are, and elsewhere copied into one first.
 */
import { crc32 } from 'node:zlib';
import { type FloatVector, memoryOf, NumericMemory, secretPlace } from './memory.ts';

const pieceBytes = 64 * 1024;
/** XXH3 has other rules for fewer, which are too few to need it. */
const leastBytes = 241;

let scratch: FloatVector | null = null;

/** Of bytes that are there or still come. */
export class Checksum {
  readonly #bytes: Uint8Array;
  /** Of each piece. */
  readonly #sums: Uint32Array;
  #numSummed = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#sums = new Uint32Array(Math.ceil(bytes.byteLength / pieceBytes));
  }

  /** So many bytes, from the beginning, are there and change no more. */
  reach(numBytes: number): void {
    while ((this.#numSummed + 1) * pieceBytes <= numBytes) this.#sumNext();
  }

  /** All are there. */
  value(): number {
    while (this.#numSummed < this.#sums.length) this.#sumNext();
    return crc32(this.#sums);
  }

  #sumNext(): void {
    const first = this.#numSummed * pieceBytes;
    this.#sums[this.#numSummed++] = sumOf(this.#bytes.subarray(first, first + pieceBytes));
  }
}

export const checksumOf = (bytes: Uint8Array): number => new Checksum(bytes).value();

function sumOf(piece: Uint8Array): number {
  const { byteLength } = piece;
  if (byteLength < leastBytes) return crc32(piece);
  const memory = memoryOf(piece.buffer);
  if (memory) return memory.kernels.checksum(piece.byteOffset, byteLength, secretPlace) >>> 0;
  scratch ??= new NumericMemory().allocate(pieceBytes / 4);
  new Uint8Array(scratch.view.buffer, scratch.offset, byteLength).set(piece);
  return scratch.memory.kernels.checksum(scratch.offset, byteLength, secretPlace) >>> 0;
}
