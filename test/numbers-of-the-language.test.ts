/**
 * The bits of the weights do not depend on the JavaScript engine, so a run records Node's version and refuses none: what
 * the language leaves to its engines (transcendental functions, powers, the order of a locale) is not used where a weight
 * comes from. Exact everywhere: + - * /, Math.sqrt, fround, floor and the like, powers of 2, reading JSON, sort.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../packages/', import.meta.url));

/** All that a photo, a loss, a rate or a weight passes through. */
const folders = [
  ...['law/src', 'config/src'],
  ...['numerics/src', 'dataset/src', 'replay/src', 'record/src'],
  ...['core', 'reducer', 'shell'].map((name) => `coordinator/src/${name}`),
  ...['engine', 'session', 'shell', 'inference'].map((name) => `worker/src/${name}`),
];
/** The drawings of the sample set: photos and masks are data, whatever drew them. */
const isDrawing = (path: string): boolean => path.startsWith('dataset/src/sample/');

const transcendental =
  /\bMath\.(?:a?(?:cos|sin|tan)h?|atan2|cbrt|exp|expm1|hypot|log|log1p|log10|log2|pow|random)\b/;
/** Powers but those of 2 and squares. */
const power = /(?<![\w.])(?!2 \*\*|1024 \*\*)[\w.)\]]+ \*\* (?!2(?![\w.]))/;
const ofLocale = /\blocaleCompare\b|\btoLocale|\bIntl\.(?:Collator|NumberFormat)/;

/** What of a source is left to the JavaScript engine, comments and texts aside. */
function leftToEngine(text: string): string | undefined {
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|'[^'\n]*'/gm, '');
  return [transcendental, power, ofLocale].flatMap((pattern) => pattern.exec(code)?.[0] ?? [])[0];
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(packages, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !/\.test(-helper)?\.ts$/.test(path))
    .map((path) => `${folder}/${path}`);
}

test.each(folders)('%s leaves no number to the JavaScript engine', (folder) => {
  const sources = sourcesIn(folder);
  expect(sources.length).toBeGreaterThan(0);
  const found = sources
    .filter((path) => !isDrawing(path))
    .flatMap((path) => {
      const what = leftToEngine(readFileSync(join(packages, path), 'utf8'));
      return what === undefined ? [] : [`${path}: ${what}`];
    });
  expect(found).toEqual([]);
});

test('what is left to the engine is found, and what is exact is not', () => {
  for (const text of [
    'Math.sin(x)',
    'Math.log2(n)',
    'x ** 2.4',
    'a.b ** n',
    '10 ** n',
    'a.localeCompare(b)',
  ]) {
    expect(leftToEngine(`const y = ${text};`), text).toBeDefined();
  }
  for (const text of [
    '2 ** n',
    '1024 ** 2',
    'n ** 2',
    'Math.sqrt(x)',
    "'Math.sin'",
    '1 / x; // Math.exp(x)',
  ]) {
    expect(leftToEngine(`const y = ${text};`), text).toBeUndefined();
  }
});
