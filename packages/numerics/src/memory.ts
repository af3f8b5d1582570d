/**
 * Memory for the kernels: vectors inside one WebAssembly memory, which grows as they are asked for. What it keeps
 * true: a vector's `view` is valid whenever it is read (a growth detaches older views of private memory, so hold the
 * vector, not its view), and every vector starts at a multiple of 16 bytes.
 */
import {
  createWasmMemory,
  instantiateKernels,
  type KernelExports,
  pageBytes,
  type WasmMemory,
} from './webassembly.ts';

const alignmentBytes = 16;
const aligned = (numBytes: number): number => Math.ceil(numBytes / alignmentBytes) * alignmentBytes;

/** `length` float32 values at byte `offset` of a memory. */
export class FloatVector {
  readonly memory: NumericMemory;
  readonly offset: number;
  readonly length: number;
  #view: Float32Array;

  constructor(memory: NumericMemory, offset: number, length: number) {
    this.memory = memory;
    this.offset = offset;
    this.length = length;
    this.#view = new Float32Array(memory.buffer, offset, length);
  }

  /** The values, where they lie. Do not hold it over an allocation. */
  get view(): Float32Array {
    if (this.#view.buffer !== this.memory.buffer) {
      this.#view = new Float32Array(this.memory.buffer, this.offset, this.length);
    }
    return this.#view;
  }

  /** Values [first, first + length) of this vector, in place. */
  part(first: number, length: number): FloatVector {
    if (first < 0 || length < 0 || first + length > this.length) {
      throw new RangeError(`part [${first}, ${first + length}) of a vector of ${this.length} values`);
    }
    return new FloatVector(this.memory, this.offset + first * 4, length);
  }
}

/** `length` bfloat16 values, each 2 bytes, at byte `offset` of a memory. */
export class Bf16Vector {
  readonly memory: NumericMemory;
  readonly offset: number;
  readonly length: number;

  constructor(memory: NumericMemory, offset: number, length: number) {
    this.memory = memory;
    this.offset = offset;
    this.length = length;
  }

  /** The bits of the values. Do not hold it over an allocation. */
  get view(): Uint16Array {
    return new Uint16Array(this.memory.buffer, this.offset, this.length);
  }
}

export interface NumericMemoryOptions {
  /** Backed by a SharedArrayBuffer, so that other threads can read the vectors and `attach`. */
  shared?: boolean;
  /** Reserved at once; more is added when it is needed. */
  initialBytes?: number;
}

export class NumericMemory {
  /** For postMessage to another thread, which attaches to it (shared memory only). */
  readonly wasmMemory: WasmMemory;
  readonly kernels: KernelExports;
  readonly #ownsAllocation: boolean;
  /** Offset 0 means "no vector" to the kernels. */
  #top = alignmentBytes;
  readonly #free = new Map<number, number[]>();

  constructor(options: NumericMemoryOptions | { wasmMemory: WasmMemory } = {}) {
    if ('wasmMemory' in options) {
      this.wasmMemory = options.wasmMemory;
      this.#ownsAllocation = false;
    } else {
      const initialPages = Math.ceil((options.initialBytes ?? pageBytes) / pageBytes);
      this.wasmMemory = createWasmMemory(Math.max(1, initialPages), options.shared ?? false);
      this.#ownsAllocation = true;
    }
    this.kernels = instantiateKernels(this.wasmMemory);
  }

  /**
   * The same shared memory in another thread: vectors made there are named by their offset and length
   * (`new FloatVector(memory, offset, length)`). Only the thread that created the memory allocates.
   */
  static attach(wasmMemory: WasmMemory): NumericMemory {
    return new NumericMemory({ wasmMemory });
  }

  get buffer(): ArrayBuffer | SharedArrayBuffer {
    return this.wasmMemory.buffer;
  }

  /** A vector of zeros. Throws a RangeError when the memory would pass 4 GiB or the machine has no more. */
  allocate(length: number): FloatVector {
    const vector = new FloatVector(this, this.#allocateBytes(length * 4), length);
    vector.view.fill(0);
    return vector;
  }

  allocateBf16(length: number): Bf16Vector {
    const vector = new Bf16Vector(this, this.#allocateBytes(length * 2), length);
    vector.view.fill(0);
    return vector;
  }

  /** A vector with a copy of the values. */
  from(values: ArrayLike<number>): FloatVector {
    const vector = new FloatVector(this, this.#allocateBytes(values.length * 4), values.length);
    vector.view.set(values);
    return vector;
  }

  /** Gives the place of an allocated vector (not of a part) to later vectors of the same size. */
  free(vector: FloatVector | Bf16Vector): void {
    const numBytes = aligned(vector.length * (vector instanceof FloatVector ? 4 : 2));
    const offsets = this.#free.get(numBytes);
    if (offsets === undefined) this.#free.set(numBytes, [vector.offset]);
    else offsets.push(vector.offset);
  }

  #allocateBytes(wantedBytes: number): number {
    if (!this.#ownsAllocation) throw new Error('only the thread that created the memory allocates in it');
    const numBytes = aligned(wantedBytes);
    const reused = this.#free.get(numBytes)?.pop();
    if (reused !== undefined) return reused;
    const offset = this.#top;
    const missingBytes = offset + numBytes - this.buffer.byteLength;
    if (missingBytes > 0) this.wasmMemory.grow(Math.ceil(missingBytes / pageBytes));
    this.#top = offset + numBytes;
    return offset;
  }
}
