import { expect, test } from 'vitest';
import { UserError } from './errors.ts';
import { isPrintable, printable } from './printable.ts';

test('what a terminal or a log would obey is spelt out', () => {
  expect(printable('a\u001b]0;title\u0007b')).toBe('a\\u001b]0;title\\u0007b');
  expect(printable('photo\n2026 info all is well')).toBe('photo\\u000a2026 info all is well');
  expect(printable('gpj.\u202eexe')).toBe('gpj.\\u202eexe');
  expect(printable('\ud800')).toBe('\\ud800');
  expect(printable('Straße 😀 été')).toBe('Straße 😀 été');
});

test('a text is cut, also where it grows by being spelt out', () => {
  expect(printable('x'.repeat(300))).toBe('x'.repeat(300));
  expect(printable('x'.repeat(301))).toBe(`${'x'.repeat(299)}…`);
  expect(printable('\0'.repeat(1e6))).toHaveLength(300);
});

test('the two agree', () => {
  for (const text of ['', 'a b', 'a\tb', '\u0085', 'שלום\u200f', '漢字', '\udc00x']) {
    expect(isPrintable(text), JSON.stringify(text)).toBe(printable(text) === text);
  }
});

test('an error for a person is one line that can be printed', () => {
  const { message } = new UserError(`no folder a\n\u001b[2J${'x'.repeat(10_000)}: check --images`);
  expect(isPrintable(message)).toBe(true);
  expect(message.length).toBeLessThanOrEqual(2_000);
});
