/**
 * What this machine's processor is, as far as the bits that compiled code computes depend on it: TensorFlow's kernels and
 * the decoders of photos choose their code by the instruction set.
 */
import { readFileSync } from 'node:fs';

export interface Processor {
  vendor: string;
  family: string;
  model: string;
  /** The widest instruction set that libraries tell apart, such as "avx2". */
  instructionSet: string;
}

/** The widest first, of x86-64 and of aarch64. */
const instructionSets = [
  ...['amx_bf16', 'avx512_bf16', 'avx512f', 'avx2', 'avx', 'sse4_1'],
  ...['sve2', 'sve', 'asimd'],
];

/** By the text of /proc/cpuinfo. Fields that it lacks are empty. */
export function processorFrom(cpuinfo: string): Processor {
  const fields = new Map<string, string>();
  for (const line of cpuinfo.split('\n\n')[0]!.split('\n')) {
    const [key, value] = line.split(':').map((part) => part.trim());
    if (key && value) fields.set(key, value);
  }
  const of = (key: string) => fields.get(key) ?? '';
  const flags = new Set((of('flags') || of('Features')).split(' '));
  return {
    vendor: of('vendor_id'),
    family: of('cpu family'),
    model: of('model'),
    instructionSet: instructionSets.find((name) => flags.has(name)) ?? '',
  };
}

/** This machine's; all empty where the system does not say. */
export function thisProcessor(): Processor {
  let cpuinfo = '';
  try {
    cpuinfo = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    // Not Linux, or hidden in a container.
  }
  return processorFrom(cpuinfo);
}
