/** Where a worker's files come from: nothing is used that has another hash, and nothing is fetched twice. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataFile } from '@unet-fleet/dataset';
import { UserError } from '@unet-fleet/law';
import { FetchError } from '@unet-fleet/wire';
import { afterAll, expect, it, vi } from 'vitest';
import { DiskCache } from './disk-cache.ts';
import { type FileSource, FileStore } from './file-store.ts';

const scratch = mkdtempSync(join(tmpdir(), 'unet-fleet-store-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const contentOf = (i: number) => Buffer.from(`content ${i}`);
const fileOf = (i: number): DataFile => ({
  kind: 'photo',
  name: `${i}.jpg`,
  sha256: createHash('sha256').update(contentOf(i)).digest('hex'),
});
const all = new Map(Array.from({ length: 100 }, (_, i) => [fileOf(i).sha256, contentOf(i)]));

/** A source of the hundred files that behaves as `answer` says. */
const source = (
  where: string,
  answer: (bytes: Buffer) => Promise<Uint8Array> | Uint8Array = (bytes) => bytes,
) => {
  const asked: string[] = [];
  const made: FileSource & { asked: string[] } = {
    where,
    asked,
    has: (sha256) => all.has(sha256),
    async fetch(sha256) {
      asked.push(sha256);
      return answer(all.get(sha256)!);
    },
  };
  return made;
};

let numFolders = 0;
async function store(...sources: FileSource[]) {
  const onProblem = vi.fn();
  const folder = join(scratch, `${numFolders++}`);
  const cache = await DiskCache.open({ folder, maxBytes: 1e6, onProblem });
  return { store: new FileStore({ cache, sources, onProblem }), cache, onProblem };
}

it('fetches a file once, for all who want it at the time and later', async () => {
  const from = source('it');
  const { store: files } = await store(from);
  const [one, two] = await Promise.all([files.read(fileOf(1)), files.read(fileOf(1))]);
  const three = await files.read(fileOf(1));
  for (const { bytes, path } of [one, two, three]) {
    expect(Buffer.from(bytes)).toEqual(contentOf(1));
    expect(path).toMatch(/\.jpg$/);
  }
  expect(from.asked).toHaveLength(1);
});

it('does not use what has another hash: truncated, forged, or damaged on its own disk', async () => {
  const forging = source('a forger', (bytes) => Buffer.concat([bytes, Buffer.from('!')]));
  const { store: files } = await store(forging);
  await expect(files.read(fileOf(1))).rejects.toThrow(
    /^the photo 1\.jpg that a forger sends \(10 bytes\) is not the file that the run was created with: restore it there$/,
  );
  expect(forging.asked).toHaveLength(3);
  const { store: cut } = await store(source('a wire', (bytes) => bytes.subarray(1)));
  await expect(cut.read(fileOf(1))).rejects.toThrow(/is not the file/);
  const honest = source('it');
  const { store: kept, cache } = await store(honest);
  const { path } = await kept.read(fileOf(2));
  writeFileSync(path, 'rot');
  expect(Buffer.from((await kept.read(fileOf(2))).bytes)).toEqual(contentOf(2));
  expect(honest.asked).toHaveLength(2);
  expect(Buffer.from((await cache.get(path.split('/').at(-1)!))!)).toEqual(contentOf(2));
});

it('takes one wrong answer of three for an accident', async () => {
  let n = 0;
  const { store: files } = await store(source('it', (bytes) => (n++ === 0 ? bytes.subarray(1) : bytes)));
  expect(Buffer.from((await files.read(fileOf(1))).bytes)).toEqual(contentOf(1));
});

it('asks the next source where one fails, and says so once', async () => {
  const down = source('a store', () => Promise.reject(new UserError('the store is down')));
  const { store: files, onProblem } = await store(down, source('it'));
  await files.read(fileOf(1));
  await files.read(fileOf(2));
  expect(onProblem.mock.calls).toEqual([['the store is down; the next source is asked']]);
});

it('rejects with what may pass where anything may, so that the worker waits and does not end', async () => {
  const down = source('a store', () => Promise.reject(new UserError('the store is down')));
  const away = source('the coordinator', () => Promise.reject(new FetchError('timeout', 'nobody answers')));
  const { store: files } = await store(away, down);
  await expect(files.read(fileOf(1))).rejects.toThrow(FetchError);
  const { store: hopeless } = await store(down);
  await expect(hopeless.read(fileOf(1))).rejects.toThrow(UserError);
});

it('crashes on what is no fault of a source', async () => {
  const { store: files } = await store(
    source('it', () => Promise.reject(new TypeError('a bug'))),
    source('other'),
  );
  await expect(files.read(fileOf(1))).rejects.toThrow(TypeError);
});

it('fetches ahead a few at a time, and what is wanted now before that', async () => {
  const waiting: (() => void)[] = [];
  const slow = source('it', async (bytes) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return bytes;
  });
  const { store: files } = await store(slow);
  files.prefetch(Array.from({ length: 50 }, (_, i) => fileOf(i)));
  await vi.waitFor(() => expect(slow.asked).toHaveLength(4));
  const wanted = files.read(fileOf(40));
  await vi.waitFor(() => expect(slow.asked).toHaveLength(5));
  expect(slow.asked.at(-1)).toBe(fileOf(40).sha256);
  const done = vi.waitFor(() => {
    for (const end of waiting.splice(0)) end();
    expect(slow.asked).toHaveLength(50);
  });
  await wanted;
  await done;
});
