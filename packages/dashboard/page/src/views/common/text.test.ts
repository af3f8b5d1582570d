import { expect, test } from 'vitest';
import { agoText, percent } from './text.ts';

test('rounds no share to all or nothing', () => {
  expect([0, 0.0004, 0.05, 0.9996, 1].map(percent)).toEqual([
    '0 %',
    '< 0.1 %',
    '5.00 %',
    '> 99.9 %',
    '100 %',
  ]);
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
