/** The cache on a worker's disk: its bound holds, also for what others write, and a failing disk costs nothing else. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { DiskCache } from './disk-cache.ts';

const scratch = mkdtempSync(join(tmpdir(), 'unet-fleet-cache-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let numFolders = 0;
const nextFolder = () => join(scratch, `${numFolders++}`);
const name = (i: number) => `${i.toString(16).padStart(2, '0').repeat(32)}.jpg`;
const bytes = (size: number) => new Uint8Array(size).fill(7);
const namesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.jpg')).length;
const open = (folder: string, maxBytes: number, onProblem = vi.fn()) =>
  DiskCache.open({ folder, maxBytes, onProblem });

it('gives back what was put, also to the next process', async () => {
  const folder = nextFolder();
  const cache = await open(folder, 1e6);
  expect(await cache.get(name(1))).toBeNull();
  await cache.put(name(1), bytes(10));
  expect(cache.has(name(1))).toBe(true);
  const next = await open(folder, 1e6);
  expect(next.has(name(1))).toBe(true);
  expect(Buffer.from((await next.get(name(1)))!)).toEqual(Buffer.from(bytes(10)));
});

it('stays within its bound and lets the least recently used go', async () => {
  const folder = nextFolder();
  const cache = await open(folder, 1_000);
  for (let i = 0; i < 9; i++) await cache.put(name(i), bytes(100));
  // Times of files are what counts in the next look at the folder.
  for (let i = 0; i < 9; i++) utimesSync(cache.pathOf(name(i)), 1_000 + i, 1_000 + i);
  await cache.get(name(0));
  for (let i = 9; i < 15; i++) await cache.put(name(i), bytes(100));
  expect(namesIn(folder)).toBeLessThanOrEqual(10);
  expect(await cache.get(name(0))).not.toBeNull();
  expect(await cache.get(name(1))).toBeNull();
  await cache.put(name(20), bytes(1_001));
  expect(cache.has(name(20))).toBe(false);
});

it('counts what other workers of the host have put into the folder', async () => {
  const folder = nextFolder();
  const [one, two] = [await open(folder, 1_000), await open(folder, 1_000)];
  for (let i = 0; i < 8; i++) await one.put(name(i), bytes(100));
  for (let i = 8; i < 16; i++) await two.put(name(i), bytes(100));
  expect(namesIn(folder)).toBeLessThanOrEqual(10);
});

it('removes what a worker that died has left half written', async () => {
  const folder = nextFolder();
  mkdirSync(folder);
  writeFileSync(join(folder, 'tmp-old'), 'x');
  writeFileSync(join(folder, 'tmp-new'), 'x');
  utimesSync(join(folder, 'tmp-old'), 1, 1);
  await open(folder, 1_000);
  expect(readdirSync(folder)).toEqual(['tmp-new']);
});

it('on a disk that can not be written says so once, and keeps nothing', async () => {
  const folder = nextFolder();
  writeFileSync(folder, 'a file where the folder should be');
  const onProblem = vi.fn();
  const cache = await open(folder, 1e6, onProblem);
  await cache.put(name(1), bytes(10));
  await cache.put(name(2), bytes(10));
  expect(await cache.get(name(1))).toBeNull();
  expect(onProblem.mock.calls).toEqual([
    [expect.stringMatching(/keeps no photos and masks .* with --sample-cache$/)],
  ]);
});
