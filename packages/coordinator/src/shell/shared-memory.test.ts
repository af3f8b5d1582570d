import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openSharedMemory } from './shared-memory.ts';

const tmpfs = mkdtempSync(join(tmpdir(), 'tmpfs-'));
afterAll(() => rmSync(tmpfs, { recursive: true }));

test('what a killed coordinator left is removed by the next, what a living one uses is not', () => {
  const living = openSharedMemory(1, tmpfs)!;
  const left = openSharedMemory(1, tmpfs)!;
  const owner = JSON.parse(readFileSync(join(left.folder, 'owner.json'), 'utf8'));
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(join(left.folder, 'owner.json'), JSON.stringify({ ...owner, pid }));
  const next = openSharedMemory(1, tmpfs)!;
  expect([living, left, next].map(({ folder }) => existsSync(folder))).toEqual([true, false, true]);
  next.remove();
  expect(existsSync(next.folder)).toBe(false);
});

test('too little memory is none', () => {
  expect(openSharedMemory(Number.MAX_SAFE_INTEGER, tmpfs)).toBeNull();
  expect(openSharedMemory(1, join(tmpfs, 'absent'))).toBeNull();
});
