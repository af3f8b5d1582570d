import { deflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { inflateClasses } from './class-maps.ts';

const deflated = (...values: number[]) => deflateSync(Uint8Array.from(values));

it('takes a class for each pixel, in one byte or two', async () => {
  expect(await inflateClasses(deflated(0, 5, 2), 3, 6)).toEqual(Buffer.from([0, 5, 2]));
  expect(await inflateClasses(deflated(255, 0), 2, 256)).toEqual(Buffer.from([255, 0]));
  expect(await inflateClasses(deflated(255, 1, 0, 0), 2, 512)).toEqual(Buffer.from([255, 1, 0, 0]));
});

it('takes nothing else: other sizes, bombs, values that are no class, rubbish', async () => {
  expect(await inflateClasses(deflated(0, 5), 3, 6)).toBeNull();
  expect(await inflateClasses(deflateSync(Buffer.alloc(2 ** 24)), 3, 6)).toBeNull();
  expect(await inflateClasses(deflated(0, 6, 2), 3, 6)).toBeNull();
  expect(await inflateClasses(deflated(0, 2), 1, 512)).toBeNull();
  expect(await inflateClasses(Uint8Array.from([1, 2, 3]), 3, 6)).toBeNull();
});
