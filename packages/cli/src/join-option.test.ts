import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatJoinUrl } from '@unet-fleet/wire';
import { afterAll, expect, test } from 'vitest';
import type { Io } from './io.ts';
import { joinOption } from './join-option.ts';

const folder = mkdtempSync(join(tmpdir(), 'join-option-'));
afterAll(() => rmSync(folder, { recursive: true }));

const parts = {
  identity: 'worker',
  secret: 'a'.repeat(32),
  host: '10.0.0.5',
  port: 4222,
  runId: 'r-1',
  fingerprint: 'b'.repeat(64),
};
const url = formatJoinUrl(parts);
const io = (env: Record<string, string> = {}) => ({ env, cwd: folder }) as unknown as Io;
async function* saying(...chunks: string[]) {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

test('comes from the argument, a file, stdin or the environment, and the argument counts', async () => {
  writeFileSync(join(folder, 'worker.join'), `# for the new machine\n\n${url}\r\n`);
  expect(await joinOption({ join: ` ${url}\n` }, io())).toEqual(parts);
  expect(await joinOption({ join: '@worker.join' }, io())).toEqual(parts);
  expect(await joinOption({ join: '-' }, io(), saying(url.slice(0, 9), url.slice(9), '\n'))).toEqual(parts);
  expect(await joinOption({}, io({ UNET_FLEET_JOIN: url }))).toEqual(parts);
  expect(await joinOption({}, io({ UNET_FLEET_JOIN: '@worker.join' }))).toEqual(parts);
  expect(await joinOption({ join: url }, io({ UNET_FLEET_JOIN: 'nonsense' }))).toEqual(parts);
});

test('is none where there is none, or where a flag names another broker', async () => {
  expect(await joinOption({}, io())).toBeNull();
  expect(await joinOption({}, io({ UNET_FLEET_JOIN: '' }))).toBeNull();
  expect(await joinOption({ natsUrl: 'nats://h:1' }, io({ UNET_FLEET_JOIN: url }))).toBeNull();
});

test.each([
  [{ join: url, natsUrl: 'nats://h:1' }, /--join and --nats-url are both given/],
  [{ join: url, run: 'r-2' }, /the join URL is for run r-1, and --run says r-2/],
  [{ join: '' }, /this is no join URL \(it is empty\)/],
  [
    { join: '@none' },
    /no join URL comes from .*none \(there is no such file or folder \(ENOENT\)\): check --join/,
  ],
  [{ join: `@${folder}` }, /no join URL comes from .* \(it is a folder where a file is wanted \(EISDIR\)\)/],
  [{ join: '@/dev/zero' }, /has more than the 65536 bytes/],
])('%s is refused', async (flags, sentence) => {
  await expect(joinOption(flags, io())).rejects.toThrow(sentence);
});

test('stdin is read no further than a URL can be long, and must hold one', async () => {
  async function* endless() {
    for (;;) yield 'x'.repeat(10_000);
  }
  await expect(joinOption({ join: '-' }, io(), endless())).rejects.toThrow(
    /this is no join URL \(it is too long\)/,
  );
  await expect(joinOption({ join: '-' }, io(), saying(url, '\n', url))).rejects.toThrow(
    /stdin holds 2 lines/,
  );
  await expect(joinOption({ join: '-' }, io(), saying())).rejects.toThrow(/stdin holds 0 lines/);
});
