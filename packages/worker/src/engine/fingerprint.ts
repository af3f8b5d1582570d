/**
 * What the bits of a result depend on beside weights and data. TensorFlow's CPU kernels choose their code by the
 * processor's instruction set and their blocks by its caches, so the processor's model is part of it.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { arch, cpus } from 'node:os';
import type { TensorFlowBinding } from './binding.ts';
import type { EngineFingerprint } from './types.ts';

export function fingerprintOf(
  binding: Pick<TensorFlowBinding, 'TF_Version' | 'isUsingGpuDevice'>,
  intraOpThreads: number,
): EngineFingerprint {
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

/**
 * Model of the GPU that TensorFlow uses, the first visible one: not its index, so that workers on several GPUs of one
 * kind are alike. binding.ts has CUDA count GPUs as nvidia-smi does.
 */
function gpuName(): string {
  const visible = process.env.CUDA_VISIBLE_DEVICES?.split(',')[0]?.trim() || '0';
  try {
    const query = [`--id=${visible}`, '--query-gpu=name', '--format=csv,noheader'];
    return execFileSync('nvidia-smi', query, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return modelFromDriver() ?? 'unknown';
  }
}

/** Where the driver's tool is missing, as in many containers. Null unless all GPUs are of one kind. */
function modelFromDriver(): string | null {
  const folder = '/proc/driver/nvidia/gpus';
  try {
    const models = readdirSync(folder).map(
      (gpu) => /^Model:\s*(.+)$/m.exec(readFileSync(`${folder}/${gpu}/information`, 'utf8'))?.[1],
    );
    return new Set(models).size === 1 ? (models[0] ?? null) : null;
  } catch {
    return null;
  }
}
