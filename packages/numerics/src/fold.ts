/**
 * Vectors folded to a 256th of their bytes under a key, at the speed of memory: what is hashed in their place (see
 * assembly/fold.ts). What is folded depends on the values and the key alone.
 */
import type { FloatVector, NumericMemory } from './memory.ts';

/** Values that are folded together, as `blockSumsOfSquares` adds them; the last of a vector may be fewer. */
const blockValues = 1024;
const bytesOfBlock = 16;
/** A block, and as far as the key is shifted for the second sum. */
export const foldKeyBytes = blockValues * 4 + 16;
/** What the kernel works in. */
const workBytes = 32;

export class Fold {
  readonly #memory: NumericMemory;
  /** Bits of the key, not values. */
  readonly #key: FloatVector;

  constructor(memory: NumericMemory) {
    this.#memory = memory;
    this.#key = memory.allocate((foldKeyBytes + workBytes) / 4);
  }

  /** From now on this key counts, of `foldKeyBytes`. */
  set key(bytes: Uint8Array) {
    if (bytes.byteLength !== foldKeyBytes) throw new RangeError(`a key of ${bytes.byteLength} bytes`);
    const { buffer, byteOffset } = this.#key.view;
    new Uint8Array(buffer, byteOffset, foldKeyBytes).set(bytes);
  }

  /** 16 bytes for each block of a vector in this memory. Vectors of other lengths may be folded alike. */
  of(vector: FloatVector): Uint8Array {
    const memory = this.#memory;
    if (vector.memory !== memory) throw new Error('a vector of another memory');
    const numBytes = Math.ceil(vector.length / blockValues) * bytesOfBlock;
    const sums = memory.allocate(numBytes / 4);
    memory.kernels.foldBlocks(vector.offset, vector.length, this.#key.offset, sums.offset);
    const folded = new Uint8Array(memory.buffer, sums.offset, numBytes).slice();
    memory.free(sums);
    return folded;
  }
}
