import fc from 'fast-check';
import { expect, test } from 'vitest';
import { row } from './cells.ts';

test('cells are quoted where they must be, and nothing is empty', () => {
  expect(row(['a', 'b,c', 'say "hi"', 'two\nlines', null, undefined, 1.5, -2, Number.NaN, true])).toBe(
    'a,"b,c","say ""hi""","two\nlines",,,1.5,-2,NaN,true\r\n',
  );
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1'])('the text %j is no formula', (text) => {
  expect(row([text])).toMatch(/^"?'/);
});

/** As RFC 4180 has it. */
function parsed(text: string): string[] {
  const cells: string[] = [];
  let rest = text;
  for (;;) {
    const [whole, quoted, plain] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))/.exec(rest)!;
    cells.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    rest = rest.slice(whole.length);
    if (rest === '\r\n') return cells;
    expect(rest[0]).toBe(',');
    rest = rest.slice(1);
  }
}

test('every text is read back, but for the mark before a formula', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom(...'ab,"\r\n=\'- ;') }), { minLength: 1 }),
      (texts) => {
        expect(parsed(row(texts))).toEqual(
          texts.map((text) => (/^[=\-\r\n]/.test(text) ? `'${text}` : text)),
        );
      },
    ),
  );
});
