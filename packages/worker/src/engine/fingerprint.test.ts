/** The GPU's name, from a stand-in for the driver's tool. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { fingerprintOf } from './fingerprint.ts';

const binding = (isGpu: boolean) => ({ TF_Version: '2.21.0', isUsingGpuDevice: () => isGpu });
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'smi-'));
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const options = { intraOpThreads: 2, precision: 'bf16' } as const;

function standIn(script: string): void {
  writeFileSync(join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'nvidia-smi'), 0o755);
}

it('names the first visible GPU by its model alone', () => {
  standIn('[ "$1" = --id=3 ] && echo "NVIDIA H200" || echo "another"');
  vi.stubEnv('CUDA_VISIBLE_DEVICES', '3,1');
  expect(fingerprintOf(binding(true), options)).toEqual({
    library: 'tensorflow 2.21.0',
    device: 'gpu NVIDIA H200',
    intraOpThreads: 2,
    precision: 'bf16',
    settings: '',
  });
  vi.stubEnv('CUDA_VISIBLE_DEVICES', undefined);
  expect(fingerprintOf(binding(true), options).device).toBe('gpu another');
});

it('tells settings of the environment that change the kernels, and only those', () => {
  vi.stubEnv('NVIDIA_TF32_OVERRIDE', '0');
  vi.stubEnv('ONEDNN_MAX_CPU_ISA', 'AVX2');
  vi.stubEnv('TF_CPP_MIN_LOG_LEVEL', '1');
  expect(fingerprintOf(binding(false), options).settings).toBe(
    'NVIDIA_TF32_OVERRIDE=0 ONEDNN_MAX_CPU_ISA=AVX2',
  );
});

it('does without the tool', () => {
  standIn('exit 9');
  expect(fingerprintOf(binding(true), options).device).toMatch(/^gpu ./);
});

it('names the processor and its instruction set', () => {
  expect(fingerprintOf(binding(false), options).device).toMatch(/^cpu \S+ ./);
});
