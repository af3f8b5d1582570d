import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLog } from './log.ts';
import { SteadyFile } from './steady-file.ts';

let folder: string;
let path: string;
let told: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unet-fleet-steady-'));
  mkdirSync(join(folder, 'run'));
  path = join(folder, 'run', 'lines');
  told = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (maxWaitingBytes?: number) =>
  new SteadyFile(path, {
    onTrouble: (error) => told.push((error as NodeJS.ErrnoException).code!),
    onRecovered: (numLost) => told.push(`recovered, ${numLost} lost`),
    maxWaitingBytes,
  });

/** Removes the folder and puts a file in its place, so that nothing can be made there. */
function blockFolder(): void {
  rmSync(join(folder, 'run'), { recursive: true });
  writeFileSync(join(folder, 'run'), '');
}
const unblockFolder = (): void => rmSync(join(folder, 'run'));

test('a removed folder is made again', () => {
  const file = open();
  file.append('one\n');
  rmSync(join(folder, 'run'), { recursive: true });
  file.append('two\n');
  file.close();
  expect(readFileSync(path, 'utf8')).toBe('two\n');
  expect(told).toEqual([]);
});

test('lines wait while the disk takes none; trouble and recovery are told once each', () => {
  const file = open();
  blockFolder();
  for (const line of ['one\n', 'two\n', 'three\n']) file.append(line);
  expect(told).toEqual(['ENOTDIR']);
  unblockFolder();
  file.append('four\n');
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\nthree\nfour\n');
  expect(told).toEqual(['ENOTDIR', 'recovered, 0 lost']);
  file.close();
});

test('a line appended by whoever is told of the trouble comes after the one that failed', () => {
  const file: SteadyFile = new SteadyFile(path, {
    onTrouble: () => file.append('trouble\n'),
    onRecovered: () => file.append('recovered\n'),
  });
  blockFolder();
  file.append('one\n');
  unblockFolder();
  file.append('two\n');
  expect(readFileSync(path, 'utf8')).toBe('one\ntrouble\ntwo\nrecovered\n');
  file.close();
});

test('what waits is bounded, and what was dropped is counted', () => {
  const file = open(10);
  blockFolder();
  for (let i = 0; i < 9; i++) file.append(`line ${i}\n`);
  unblockFolder();
  file.append('end\n');
  expect(readFileSync(path, 'utf8')).toBe('end\n');
  expect(told.at(-1)).toBe('recovered, 9 lost');
  file.close();
});

test('what still waits at the end is tried once more', () => {
  const file = open();
  blockFolder();
  file.append('one\n');
  unblockFolder();
  file.close();
  expect(readFileSync(path, 'utf8')).toBe('one\n');
});

test('one who may not write any more does not', () => {
  let may = true;
  const file = new SteadyFile(path, { mayWrite: () => may });
  file.append('one\n');
  may = false;
  file.append('two\n');
  file.close();
  expect(readFileSync(path, 'utf8')).toBe('one\n');
});

test('a full disk ends no process that logs, and a log goes on in a folder that was moved away', () => {
  symlinkSync('/dev/full', path);
  const full = createLog(path, 'info');
  full.info('no room for this');
  full.info('nor this');

  rmSync(path);
  const log = createLog(path, 'info');
  log.info('one');
  renameSync(join(folder, 'run'), join(folder, 'moved'));
  log.info({ step: 2 }, 'two');
  const lines = readFileSync(join(folder, 'moved', 'lines'), 'utf8')
    .trim()
    .split('\n');
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['one', 'two']);
});
