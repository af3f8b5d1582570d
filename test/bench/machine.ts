/** What a figure was measured on: without it a figure says nothing. */
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

/** Those that numeric libraries choose their code by, narrow ones first. */
const instructionSets = [
  ...['sse4_2', 'avx', 'avx2', 'fma', 'f16c', 'avx_vnni'],
  ...['avx512f', 'avx512bw', 'avx512vl', 'avx512_vnni', 'avx512_bf16', 'avx512_fp16'],
  ...['amx_tile', 'amx_int8', 'amx_bf16'],
  ...['asimd', 'bf16', 'i8mm', 'sve', 'sve2'],
];

export interface Machine {
  processor: string;
  instructionSets: string[];
  numCores: number;
  memoryGb: number;
  /** Name and version. */
  libraries: Record<string, string>;
}

/** By the text of /proc/cpuinfo. */
export function processorOf(cpuinfo: string): Pick<Machine, 'processor' | 'instructionSets'> {
  const of = (key: string) => new RegExp(`^${key}\\s*: (.*)$`, 'm').exec(cpuinfo)?.[1] ?? '';
  const flags = new Set((of('flags') || of('Features')).split(' '));
  const name = of('model name');
  // Names of virtual machines leave the model out.
  const numbers = ['vendor_id', 'cpu family', 'model'].map(of).filter((text) => text !== '');
  return {
    processor:
      [name, numbers.length > 0 ? `(${numbers.join(' ')})` : ''].filter(Boolean).join(' ') || 'unknown',
    instructionSets: instructionSets.filter((set) => flags.has(set)),
  };
}

export function thisMachine(libraries: Record<string, string>): Machine {
  let cpuinfo = '';
  try {
    cpuinfo = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    // A system without it: nothing is known of its processor.
  }
  return {
    ...processorOf(cpuinfo),
    numCores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1e9),
    libraries: { node: process.versions.node, ...libraries },
  };
}

export function machineText({ processor, instructionSets, numCores, memoryGb, libraries }: Machine): string {
  const versions = Object.entries(libraries).map(([name, version]) => `${name} ${version}`);
  return [
    `processor: ${processor}, ${numCores} cores, ${memoryGb} GB`,
    `instruction sets: ${instructionSets.join(' ') || 'unknown'}`,
    `libraries: ${versions.join(', ')}`,
  ].join('\n');
}
