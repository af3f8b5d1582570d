/** What the operating system says of the machine, for `unet-fleet doctor`. Nothing here throws for a missing file. */
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

export interface Processor {
  model: string;
  /** Cores that this process may use: fewer than the machine's in a container or under taskset. */
  numCores: number;
  /** Those that make TensorFlow's kernels faster or slower, the widest last; as the kernel spells them. */
  instructionSets: string[];
}

/** From SSE to matrix instructions on x86-64, from NEON to them on aarch64. */
const known = [
  ...['sse4_2', 'avx', 'avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16'],
  ...['asimd', 'sve', 'bf16', 'sme'],
];

export const findProcessor = (cpuinfo = readText('/proc/cpuinfo')): Processor => {
  const field = (pattern: RegExp) => pattern.exec(cpuinfo)?.[1]?.trim() ?? '';
  const flags = new Set(field(/^(?:flags|Features)\s*:(.*)$/m).split(' '));
  return {
    model: field(/^model name\s*:(.*)$/m) || process.arch,
    numCores: availableParallelism(),
    instructionSets: known.filter((name) => flags.has(name)),
  };
};

export interface Memory {
  /** What this process may use: the machine's, or less where its control group has a limit. */
  totalBytes: number;
  availableBytes: number;
}

/** As libuv counts: memory that could be freed for this process, within the limit of its control group. */
export function findMemory(): Memory {
  // 0 or beyond the machine's where there is no limit.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return { totalBytes: Math.min(totalmem(), limit), availableBytes: process.availableMemory() };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
