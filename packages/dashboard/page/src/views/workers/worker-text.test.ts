import { expect, test } from 'vitest';
import { bytesText, gpuText } from './worker-text.ts';

test('says bytes by what they are', () => {
  expect([0, 200 * 2 ** 20, 3.25 * 2 ** 30].map(bytesText)).toEqual(['–', '200 MiB', '3.3 GiB']);
});

test('says a GPU in use, and none', () => {
  expect(gpuText(null)).toBe('–');
  expect(gpuText({ utilization: 0.914, memoryBytes: 2 ** 31, memoryTotalBytes: 2 ** 33 })).toBe(
    '91 %, 2.0 GiB of 8.0 GiB',
  );
});
