import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { parseGpu, TelemetrySource } from './telemetry.ts';

const run = promisify(execFile);
let folder: string;
const { PATH } = process.env;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unet-fleet-telemetry-'));
});

afterEach(() => {
  process.env.PATH = PATH;
  rmSync(folder, { recursive: true, force: true });
});

/** A driver's tool that notes each call and answers so. */
function installTool(answer: string): string {
  const calls = join(folder, 'calls');
  writeFileSync(join(folder, 'nvidia-smi'), `#!/bin/sh\necho "$@" >> ${calls}\necho "${answer}"\n`);
  chmodSync(join(folder, 'nvidia-smi'), 0o755);
  process.env.PATH = `${folder}:${PATH}`;
  return calls;
}

it('reads what the driver says, and nothing of what is no number', () => {
  expect(parseGpu('35, 10240, 81559\n')).toEqual({
    utilization: 0.35,
    memoryBytes: 10_240 * 2 ** 20,
    memoryTotalBytes: 81_559 * 2 ** 20,
  });
  expect(parseGpu('[N/A], 10240, 81559')).toBeNull();
  expect(parseGpu('')).toBeNull();
  expect(parseGpu('No devices were found')).toBeNull();
});

it('tells of the process alone where no GPU is used', () => {
  const calls = installTool('35, 1, 2');
  const { pid, residentBytes, gpu, host } = new TelemetrySource().now(false, 0);
  expect(pid).toBe(process.pid);
  expect(residentBytes).toBeGreaterThan(10_000_000);
  expect(host).not.toBe('');
  expect(gpu).toBeNull();
  expect(() => readFileSync(calls)).toThrow('ENOENT');
});

it('asks the driver beside the work, at most every five seconds', async () => {
  const calls = installTool('50, 100, 200');
  const source = new TelemetrySource();
  expect(source.now(true, 0).gpu).toBeNull();
  await vi.waitFor(() => expect(source.now(true, 4_999).gpu?.utilization).toBe(0.5));
  expect(readFileSync(calls, 'utf8').trim().split('\n')).toHaveLength(1);
  source.now(true, 5_000);
  await vi.waitFor(() => expect(readFileSync(calls, 'utf8').trim().split('\n')).toHaveLength(2));
});

it('asks no more where there is no tool', async () => {
  process.env.PATH = folder;
  const source = new TelemetrySource();
  source.now(true, 0);
  process.env.PATH = PATH;
  // The failed start is told before anything that was begun after it has ended.
  await run('true');
  const calls = installTool('50, 100, 200');
  expect(source.now(true, 10_000).gpu).toBeNull();
  await run('nvidia-smi', ['asked by the test']);
  expect(readFileSync(calls, 'utf8')).toBe('asked by the test\n');
});
