import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepLines, linesOf } from './json-lines.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unet-fleet-lines-'));
  path = join(folder, 'some.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const valuesIn = (file: string): unknown[] => Array.from(linesOf(file), ({ value }) => value);

test('lines longer than what is read at once come whole, with where they end', () => {
  const lines = [1, 3_000_000, 0, 1_048_575, 1_048_576, 17].map((length, i) => ({
    i,
    text: 'ü'.repeat(length),
  }));
  const text = lines.map((line) => `${JSON.stringify(line)}\n`);
  writeFileSync(path, text.join(''));
  expect(valuesIn(path)).toEqual(lines);
  const ends = Array.from(linesOf(path), ({ endBytes }) => endBytes);
  expect(ends).toEqual(text.map((_, i) => Buffer.byteLength(text.slice(0, i + 1).join(''))));
});

test('a file cut at any byte gives its whole lines, and the next line stands alone', () => {
  const lines = [{ step: 1 }, { step: 2, text: 'é\\n"' }, { step: 3 }];
  const whole = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  for (let length = 0; length <= whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length));
    const numWhole = whole.subarray(0, length).toString('latin1').split('\n').length - 1;
    expect(valuesIn(path)).toEqual(lines.slice(0, numWhole));
    keepLines(path, () => true);
    appendFileSync(path, '{"step":4}\n');
    expect(valuesIn(path)).toEqual([...lines.slice(0, numWhole), { step: 4 }]);
  }
});

test('any bytes are read without a crash', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      writeFileSync(path, bytes);
      const numLines = bytes.filter((byte) => byte === 10).length;
      expect(valuesIn(path)).toHaveLength(numLines);
    }),
  );
});

test('what is not kept goes, wherever it stands; all else stays in its order, byte for byte', () => {
  const line = fc.record({ n: fc.nat(3), text: fc.string({ maxLength: 5 }) });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.constantFrom('', '{"n":0', 'é'), (lines, cut) => {
      const texts = lines.map((value, i) =>
        i % 5 === 4 ? `{ "n": ${value.n} }\n` : `${JSON.stringify(value)}\n`,
      );
      writeFileSync(path, texts.join('') + cut);
      keepLines(path, (value) => (value as { n: number }).n < 2);
      expect(readFileSync(path, 'utf8')).toBe(texts.filter((_, i) => lines[i]!.n < 2).join(''));
      appendFileSync(path, '{"n":9}\n');
      expect(valuesIn(path).at(-1)).toEqual({ n: 9 });
      expect(readdirSync(folder)).toEqual(['some.jsonl']);
    }),
  );
});

test('ranges longer than what is copied at once come whole', () => {
  const lines = ['a', 'x', 'b', 'c'].map(
    (name) => `${JSON.stringify({ name, text: name.repeat(1_500_000) })}\n`,
  );
  writeFileSync(path, lines.join(''));
  keepLines(path, (value) => (value as { name: string }).name !== 'x');
  expect(readFileSync(path, 'utf8') === lines[0]! + lines[2]! + lines[3]!).toBe(true);
});
