import { expect, test } from 'vitest';
import { rateOf, rateText } from './rate-text.ts';

test('takes numbers as people write them', () => {
  const rates = ['0.01', ' 1e-4 ', '.5', '0,001', '1'].map((text) => rateOf(text, null));
  expect(rates).toEqual([0.01, 1e-4, 0.5, 0.001, 1].map((rate) => ({ rate })));
});

test('says what is wrong with what is no rate', () => {
  const problem = (text: string, current: number | null = null) => {
    const typed = rateOf(text, current);
    return 'problem' in typed ? typed.problem : null;
  };
  expect(problem('')).toContain('Type a learning rate');
  expect(problem('fast')).toContain('"fast" is no number');
  expect(problem('0x10')).toContain('no number');
  expect(problem('Infinity')).toContain('no number');
  expect(problem('-1')).toContain('no number');
  expect(problem('0')).toContain('above 0');
  expect(problem('100.5')).toContain('at most 100');
  expect(problem('1e-999')).toContain('above 0');
  expect(problem('0.01', 0.01)).toContain('of now');
});

test('writes rates the shorter way', () => {
  expect([0.01, 0.0001, 3.2e-6, 0.123456].map(rateText)).toEqual(['0.01', '1e-4', '3.2e-6', '0.1235']);
});
