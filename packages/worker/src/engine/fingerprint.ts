/**
 * What the bits of a result depend on beside weights and data. TensorFlow's CPU kernels choose their code by the
 * processor's instruction set and their blocks by its caches, so the processor's model is part of it. Determinism is
 * always asked for (binding.ts).
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { arch, cpus } from 'node:os';
import { thisProcessor } from '@unet-fleet/shared';
import type { TensorFlowBinding } from './binding.ts';
import { settingsOf } from './settings.ts';
import type { EngineOptions, KernelFingerprint } from './types.ts';

export function fingerprintOf(
  binding: Pick<TensorFlowBinding, 'TF_Version' | 'isUsingGpuDevice'>,
  { intraOpThreads, precision }: Pick<EngineOptions, 'intraOpThreads' | 'precision'>,
): KernelFingerprint {
  return {
    library: `tensorflow ${binding.TF_Version}`,
    device: binding.isUsingGpuDevice() ? `gpu ${gpuName()}` : `cpu ${processorName()}`,
    intraOpThreads,
    precision,
    settings: settingsOf(process.env),
  };
}

/** Such as "AuthenticAMD 25/1 avx2". */
function processorName(): string {
  const { vendor, family, model, instructionSet } = thisProcessor();
  if (vendor === '' || instructionSet === '') return `${arch()} ${cpus()[0]?.model ?? 'unknown'}`;
  return `${vendor} ${family}/${model} ${instructionSet}`;
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
