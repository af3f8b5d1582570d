/**
 * What the bits of a result depend on beside weights and data. TensorFlow's CPU kernels choose their code by the
 * processor's instruction set and their blocks by its caches, so the processor's model is part of it.
 */
import { readFileSync } from 'node:fs';
import { arch, cpus } from 'node:os';
import type { TensorFlowBinding } from './binding.ts';
import type { EngineFingerprint } from './types.ts';

export function fingerprintOf(binding: TensorFlowBinding, intraOpThreads: number): EngineFingerprint {
  return {
    library: `tensorflow ${binding.TF_Version}`,
    device: binding.isUsingGpuDevice() ? `gpu ${gpuName()}` : `cpu ${processorName()}`,
    intraOpThreads,
    precision: 'float32',
    deterministic: true,
  };
}

/** Instruction sets that the kernels tell apart, the widest first. */
const instructionSets = ['amx_bf16', 'avx512_bf16', 'avx512f', 'avx2', 'avx', 'sse4_1'];

/** Such as "AuthenticAMD 25/1 avx2". */
function processorName(): string {
  const fields = new Map<string, string>();
  try {
    for (const line of readFileSync('/proc/cpuinfo', 'utf8').split('\n\n')[0]!.split('\n')) {
      const [key, value] = line.split(':').map((part) => part.trim());
      if (key && value) fields.set(key, value);
    }
  } catch {
    return `${arch()} ${cpus()[0]?.model ?? 'unknown'}`;
  }
  const flags = new Set((fields.get('flags') ?? '').split(' '));
  const isa = instructionSets.find((name) => flags.has(name));
  if (!isa) return `${arch()} ${cpus()[0]?.model ?? 'unknown'}`;
  return `${fields.get('vendor_id')} ${fields.get('cpu family')}/${fields.get('model')} ${isa}`;
}

/** Model of the first visible GPU, from the driver's own files. */
function gpuName(): string {
  try {
    const visible = process.env.CUDA_VISIBLE_DEVICES?.split(',')[0] ?? '0';
    const index = /^\d+$/.test(visible) ? Number(visible) : 0;
    const folders = readFileSync('/proc/driver/nvidia/version', 'utf8').split('\n')[0] ?? '';
    return `${index} ${folders.replace(/\s+/g, ' ').trim()}`;
  } catch {
    return 'unknown';
  }
}
