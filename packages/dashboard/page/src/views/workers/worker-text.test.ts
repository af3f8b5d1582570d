import { expect, test } from 'vitest';
import { agoText, bytesText, gpuText } from './worker-text.ts';

test('says bytes by what they are', () => {
  expect([0, 200 * 2 ** 20, 3.25 * 2 ** 30].map(bytesText)).toEqual(['–', '200 MiB', '3.3 GiB']);
});

test('says a GPU in use, and none', () => {
  expect(gpuText(null)).toBe('–');
  expect(gpuText({ utilization: 0.914, memoryBytes: 2 ** 31, memoryTotalBytes: 2 ** 33 })).toBe(
    '91 %, 2.0 GiB of 8.0 GiB',
  );
});

test('counts since a heartbeat and never below zero', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const now = Date.parse(at);
  expect([-5e3, 2_900, 61e3, 7.3e6].map((ms) => agoText(at, now + ms))).toEqual([
    '0 s ago',
    '2 s ago',
    '1 min ago',
    '2 h ago',
  ]);
  expect(agoText('never', now)).toBe('–');
});
