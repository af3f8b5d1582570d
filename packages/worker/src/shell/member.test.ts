import { expect, it } from 'vitest';
import { fitting } from './member.ts';

it('leaves out the bytes of pictures that a message has no room for, and keeps smaller ones', () => {
  const picture = (sample: number, numBytes: number) => ({ sample, classes: new Uint8Array(numBytes) });
  const pictures = [picture(3, 1_000), picture(4, 60_000), picture(5, 900), picture(6, 900)];
  const sizes = (roomBytes: number) =>
    fitting(pictures, roomBytes).map(({ sample, classes }) => [sample, classes.byteLength]);
  expect(sizes(100_000)).toEqual([
    [3, 1_000],
    [4, 60_000],
    [5, 900],
    [6, 900],
  ]);
  expect(sizes(4_096 + 1_950)).toEqual([
    [3, 1_000],
    [4, 0],
    [5, 900],
    [6, 0],
  ]);
  expect(sizes(-5).every(([, numBytes]) => numBytes === 0)).toBe(true);
});
