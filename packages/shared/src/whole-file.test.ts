import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeWhole, writeWholeSync } from './whole-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whole-file-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('replaces a file at once, with the mode that a new one is to have', () => {
  const path = join(folder, 'keys.json');
  writeWholeSync(path, 'one', 0o600);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  writeWholeSync(path, 'two', 0o600);
  expect(readFileSync(path, 'utf8')).toBe('two');
  expect(readdirSync(folder)).toEqual(['keys.json']);
});

it('leaves what was there, and no temporary file, where it fails, and names the file', async () => {
  // A folder of that name can't be replaced by a file.
  const path = join(folder, 'taken');
  const inside = join(path, 'kept');
  await expect(writeWhole(join(folder, 'gone', 'file'), 'x')).rejects.toThrow('ENOENT');
  writeFileSync(join(folder, 'other'), 'kept');
  expect(() => writeWholeSync(join(folder, 'other', 'file'), 'x')).toThrow('ENOTDIR');
  expect(readFileSync(join(folder, 'other'), 'utf8')).toBe('kept');
  chmodSync(folder, 0o755);
  expect(() => writeWholeSync(folder, 'x')).toThrow();
  expect(readdirSync(folder)).toEqual(['other']);
  expect(() => readFileSync(inside)).toThrow();
});
