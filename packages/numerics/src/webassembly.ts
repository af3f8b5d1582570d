/**
 * The few parts of WebAssembly that are used here, typed: the language's own library has them only together with
 * the DOM, which the rest of the code must not see.
 */
import { readFileSync } from 'node:fs';
import { exitCodes, type OptimizerKernel, UserError } from '@unet-fleet/law';

/** A WebAssembly.Memory. A shared one can be sent to another thread with postMessage. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  /** By pages of 64 KiB; see growWasmMemory. */
  grow(numPages: number): number;
}

interface WebAssemblyGlobal {
  Memory: new (descriptor: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: { env: { memory: WasmMemory } }) => { exports: unknown };
}

const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyGlobal };

export const pageBytes = 64 * 1024;
/** One page short of 4 GiB, so that the end of the memory is a valid 32-bit offset. */
const maximumPages = 65_535;

/** Of an optimizer: parameters, gradients, each of its slots (0: none), length, and scalars. */
export type UpdateKernel = (parameters: number, gradients: number, ...rest: number[]) => void;

/** Of formats that lose bits: round in place, add and round, and from values to bytes and back; see assembly/. */
type FormatKernels = Record<`round${'Bf16' | 'Int8'}`, (a: number, length: number) => void> &
  Record<`add${'Bf16' | 'Int8'}`, (a: number, x: number, length: number) => void> &
  Record<`${'pack' | 'unpack'}${'Bf16' | 'Int8'}`, (target: number, source: number, length: number) => void>;

/** See assembly/index.ts. Vectors are byte offsets, lengths count values. */
export interface KernelExports extends Record<OptimizerKernel, UpdateKernel>, FormatKernels {
  add(a: number, x: number, length: number): void;
  blockSumsOfSquares(a: number, length: number, sums: number): void;
  foldBlocks(a: number, length: number, key: number, sums: number): void;
  /** Of so many bytes; see assembly/checksum.ts. */
  checksum(data: number, numBytes: number, secret: number): number;
}

/** See assembly/pixels.ts. */
export interface PixelExports {
  meanRows(from: number, rowBytes: number, height: number, factor: number, to: number): void;
  filterRows(
    ...call: [
      from: number,
      rowBytes: number,
      height: number,
      to: number,
      count: number,
      places: number,
      weights: number,
      taps: number,
      pad: number,
    ]
  ): void;
  reduceColumns(
    ...call: [
      from: number,
      width: number,
      height: number,
      channels: number,
      factor: number,
      to: number,
      count: number,
      places: number,
      weights: number,
      taps: number,
      pad: number,
      row: number,
    ]
  ): void;
}

const modules = new Map<string, object>();

/** From src/ as from dist/, the compiled kernels lie in dist/. */
function moduleOf(file: string): object {
  let module = modules.get(file);
  if (module === undefined) {
    module = new WebAssembly.Module(readFileSync(new URL(`../dist/${file}`, import.meta.url)));
    modules.set(file, module);
  }
  return module;
}

/** Throws a UserError when the system has no more. */
export const createWasmMemory = (initialPages: number, shared: boolean): WasmMemory =>
  orUserError(() => new WebAssembly.Memory({ initial: initialPages, maximum: maximumPages, shared }));

/** Throws a UserError when the system has no more, or the memory would pass 4 GiB. */
export const growWasmMemory = (memory: WasmMemory, numPages: number): void => {
  orUserError(() => memory.grow(numPages));
};

function orUserError<T>(take: () => T): T {
  try {
    return take();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(
      "the system gives this process no more memory for the weights: end other programs, raise its limit (ulimit -v, the container's), or use a smaller --base-width",
      exitCodes.unavailable,
    );
  }
}

export function instantiateKernels(memory: WasmMemory): KernelExports {
  const shared = memory.buffer instanceof SharedArrayBuffer;
  const module = moduleOf(shared ? 'kernels-shared.wasm' : 'kernels.wasm');
  return new WebAssembly.Instance(module, { env: { memory } }).exports as KernelExports;
}

export const instantiatePixels = (memory: WasmMemory): PixelExports =>
  new WebAssembly.Instance(moduleOf('pixels.wasm'), { env: { memory } }).exports as PixelExports;
