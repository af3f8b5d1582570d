import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { inflatedMap, spread } from './masks.ts';

const size = { width: 2, height: 2 };

test('a class map is read with one byte a pixel and with two; what is no class does not count', async () => {
  const narrow = await inflatedMap(
    deflateSync(Uint8Array.of(0, 1, 2, 255)),
    { ...size, bytesPerPixel: 1 },
    3,
  );
  expect([...narrow!.labels]).toEqual([0, 1, 2, 0xffff]);
  const wide = await inflatedMap(
    deflateSync(Uint8Array.of(0, 0, 1, 1, 44, 1, 255, 255)),
    { ...size, bytesPerPixel: 2 },
    300,
  );
  expect([...wide!.labels]).toEqual([0, 257, 0xffff, 0xffff]);
});

test.each([
  ['more pixels than it should have, as of a bomb', deflateSync(Buffer.alloc(10_000_000))],
  ['fewer', deflateSync(Uint8Array.of(0, 1))],
  ['what is not deflated', Buffer.from('rubbish')],
  ['half of it', deflateSync(Uint8Array.of(0, 1, 2, 2)).subarray(0, 5)],
])('a class map with %s is none', async (_, bytes) => {
  expect(await inflatedMap(bytes, { ...size, bytesPerPixel: 1 }, 3)).toBeNull();
});

test('of many evaluations some are shown, the first and the last among them', () => {
  expect(spread([1, 2, 3], 6)).toEqual([1, 2, 3]);
  expect(
    spread(
      Array.from({ length: 101 }, (_, n) => n),
      6,
    ),
  ).toEqual([0, 20, 40, 60, 80, 100]);
});
