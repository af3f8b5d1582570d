import { expect, test } from 'vitest';
import { stepOn, stepTo, versionBefore } from './version.ts';

test('step n takes the weights from version n - 1 to version n', () => {
  expect(versionBefore(1)).toBe(0);
  expect(stepOn(versionBefore(7))).toBe(7);
  expect(stepTo(7)).toBe(7);
});
