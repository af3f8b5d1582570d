import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@unet-fleet/law';
import { afterAll, expect, test } from 'vitest';
import { readBounded, readPlain } from './bounded-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-bounded-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a file up to the limit is read whole', () => {
  const path = join(folder, 'a');
  for (const numBytes of [0, 1, 65_536, 200_000]) {
    const bytes = Buffer.alloc(numBytes, 'abc');
    writeFileSync(path, bytes);
    expect(readBounded(path, 200_000).equals(bytes)).toBe(true);
  }
});

test('a larger one, or one without an end, is refused by name', () => {
  const path = join(folder, 'b');
  writeFileSync(path, Buffer.alloc(1001));
  expect(() => readBounded(path, 1000)).toThrow(UserError);
  expect(() => readBounded(path, 1000)).toThrow(`${path} has more than the 1000 bytes`);
  expect(() => readBounded('/dev/zero', 1_000_000)).toThrow('/dev/zero has more than');
  expect(() => readBounded(join(folder, 'none'), 1)).toThrow('ENOENT');
});

test('a pipe that nobody writes into is not waited for, and one of the shell is read', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  expect(readBounded(pipe, 1000)).toHaveLength(0);
  await expect(readPlain(pipe)).rejects.toThrow(`${pipe} is a pipe, where a file is wanted: check the path`);
  await expect(readPlain('/dev/zero')).rejects.toThrow('/dev/zero is a device');
  await expect(readPlain(folder)).rejects.toThrow('is a folder');
  const script = `import { readBounded } from ${JSON.stringify(new URL('../dist/bounded-file.js', import.meta.url).href)};
    console.log(String(readBounded(process.argv[1], 1000)));`;
  const command = `"$0" --input-type=module -e "$1" <(sleep 0.2; echo late)`;
  expect(execFileSync('bash', ['-c', command, process.execPath, script]).toString().trim()).toBe('late');
});
