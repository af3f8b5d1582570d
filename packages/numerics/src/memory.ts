/**
 * Memory for the kernels: vectors inside one WebAssembly memory, which grows as they are asked for. What it keeps
 * true: a vector's `view` is valid whenever it is read (a growth detaches older views of private memory, so hold the
 * vector, not its view), and every vector starts at a multiple of 64 bytes: a line of the processor's cache, and what
 * TensorFlow asks of memory that it computes in.
 */
import {
  createWasmMemory,
  growWasmMemory,
  instantiateKernels,
  type KernelExports,
  pageBytes,
  type WasmMemory,
} from './webassembly.ts';

const alignmentBytes = 64;
/** In every memory: XXH3's default secret, of which the checksum kernel is told. */
export const secretPlace = alignmentBytes;
const secret = Buffer.from(
  'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221' +
    'b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8' +
    'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb' +
    '170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
  'hex',
);

const memories = new WeakMap<ArrayBufferLike, NumericMemory>();

/** Whose vectors lie in this buffer; undefined for none's. */
export const memoryOf = (buffer: ArrayBufferLike): NumericMemory | undefined => memories.get(buffer);

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

export interface NumericMemoryOptions {
  /** Backed by a SharedArrayBuffer, so that other threads can read and write the vectors. */
  shared?: boolean;
  /** Reserved at once; more is added when it is needed. */
  initialBytes?: number;
}

export class NumericMemory {
  readonly kernels: KernelExports;
  readonly #wasmMemory: WasmMemory;
  /** Offset 0 means "no vector" to the kernels. */
  #top = secretPlace + secret.byteLength;
  readonly #free = new Map<number, number[]>();

  constructor({ shared = false, initialBytes = pageBytes }: NumericMemoryOptions = {}) {
    this.#wasmMemory = createWasmMemory(Math.max(1, Math.ceil(initialBytes / pageBytes)), shared);
    this.kernels = instantiateKernels(this.#wasmMemory);
    memories.set(this.buffer, this);
    new Uint8Array(this.buffer).set(secret, secretPlace);
  }

  get buffer(): ArrayBuffer | SharedArrayBuffer {
    return this.#wasmMemory.buffer;
  }

  /** A vector of zeros. Throws a UserError when the memory would pass 4 GiB or the machine has no more. */
  allocate(length: number): FloatVector {
    const vector = new FloatVector(this, this.#place(length), length);
    vector.view.fill(0);
    return vector;
  }

  /** A vector with a copy of the values. */
  from(values: ArrayLike<number>): FloatVector {
    const vector = new FloatVector(this, this.#place(values.length), values.length);
    vector.view.set(values);
    return vector;
  }

  /** Gives the place of an allocated vector (not of a part) to later vectors of the same size. */
  free(vector: FloatVector): void {
    const numBytes = aligned(vector.length * 4);
    const offsets = this.#free.get(numBytes);
    if (offsets === undefined) this.#free.set(numBytes, [vector.offset]);
    else offsets.push(vector.offset);
  }

  /** Byte offset of a free place for so many values. */
  #place(length: number): number {
    const numBytes = aligned(length * 4);
    const reused = this.#free.get(numBytes)?.pop();
    if (reused !== undefined) return reused;
    const offset = this.#top;
    const missingBytes = offset + numBytes - this.buffer.byteLength;
    if (missingBytes > 0) {
      growWasmMemory(this.#wasmMemory, Math.ceil(missingBytes / pageBytes));
      memories.set(this.buffer, this);
    }
    this.#top = offset + numBytes;
    return offset;
  }
}
