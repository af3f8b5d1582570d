/**
 * Changes to a valid text (JSON, YAML, lists, lines of JSON) that keep most of it parseable, so that what comes after
 * the parser is reached too: other values, doubled and missing parts, deep nesting, characters that terminals obey.
 */
import { maxInputBytes, mutateBytes } from './mutate-bytes.ts';
import type { Random } from './random.ts';

type Mutation = (random: Random, text: string) => string;

const numbers = ['0', '-1', '1e400', '-1e400', '1e21', '0.5', '9007199254740993', '4294967296', '1e9', '-0'];
const strange = [
  'null',
  'true',
  '[]',
  '{}',
  '""',
  '[null]',
  '"\\u001b[2J"',
  '"\\u0000"',
  '"../../../etc/passwd"',
  '"__proto__"',
  '"constructor"',
  '{"toString": 1}',
  '\u001b]0;title\u0007',
  '\u2028',
  '\u202e',
  '\u0000',
  '\ud800',
  '&a [*a]',
  '*a',
  '<<: *a',
  '!!js/function "x"',
  '!!binary x',
  '---',
];
const tokens = /"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|true|false|null|[[\]{},:]|[^\s[\]{},:"]+/g;

/** Tokens are looked for in a part of a long text. */
const windowLength = 4_000;

interface Token {
  begin: number;
  end: number;
}

function tokenOf(random: Random, text: string, pattern = tokens): Token | null {
  const from = random.below(Math.max(1, text.length - windowLength));
  const found = Array.from(text.slice(from, from + windowLength).matchAll(pattern));
  if (found.length === 0) return null;
  const match = random.pick(found);
  return { begin: from + match.index, end: from + match.index + match[0].length };
}

const put = (text: string, { begin, end }: Token, by: string): string =>
  text.slice(0, begin) + by + text.slice(end);

const replaceToken: Mutation = (random, text) => {
  const token = tokenOf(random, text);
  return token ? put(text, token, random.pick([random.pick(strange), random.pick(numbers), ''])) : text;
};

const replaceNumber: Mutation = (random, text) => {
  const token = tokenOf(random, text, /-?\d+(?:\.\d+)?/g);
  return token ? put(text, token, random.pick(numbers)) : text;
};

/** A value of one place in another: strings for objects, hashes for names. */
const copyToken: Mutation = (random, text) => {
  const [from, to] = [tokenOf(random, text), tokenOf(random, text)];
  return from && to ? put(text, to, text.slice(from.begin, from.end)) : text;
};

const nest: Mutation = (random, text) => {
  const token = tokenOf(random, text) ?? { begin: 0, end: 0 };
  const depth = random.pick([10, 10, 200, 200, 5_000, 5_000, 50_000]);
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['- ', ''],
    ['{a: ', '}'],
    ['(', ')'],
  ] as const);
  return put(text, token, open.repeat(depth) + (random.chance(0.7) ? `1${close.repeat(depth)}` : ''));
};

const long: Mutation = (random, text) => {
  const token = tokenOf(random, text) ?? { begin: 0, end: 0 };
  const part = random.pick([' ', 'a', ',', '0', '-', '\t', '\\', '"', '\u00e9', ' \u2028', '\n', '#']);
  return put(text, token, part.repeat(random.pick([300, 300, 300, 5_000, 5_000, 60_000])));
};

const editLines =
  (edit: (random: Random, lines: string[], at: number) => void): Mutation =>
  (random, text) => {
    const lines = text.split('\n');
    edit(random, lines, random.below(lines.length));
    return lines.join('\n');
  };

const mutations: readonly (readonly [Mutation, number])[] = [
  [replaceToken, 9],
  [replaceNumber, 6],
  [copyToken, 6],
  [nest, 1],
  [long, 1],
  [editLines((random, lines, at) => lines.splice(at, 1 + random.below(2))), 2],
  [editLines((random, lines, at) => lines.splice(random.below(lines.length), 0, lines[at]!)), 2],
  [editLines((random, lines, at) => lines.splice(at, 0, ...Array(random.length(500)).fill(lines[at]))), 1],
  [(random, text) => mutateBytes(random, Buffer.from(text), Buffer.from(text)).toString('latin1'), 2],
];
const weighted = mutations.flatMap(([mutation, weight]) => Array<Mutation>(weight).fill(mutation));

/** A text with one to four changes, as UTF-8, cut at the largest input. */
export function mutateText(random: Random, text: string): Buffer {
  let changed = text;
  for (let left = random.length(4); left > 0; left--) {
    changed = random.pick(weighted)(random, changed).slice(0, maxInputBytes);
  }
  return Buffer.from(changed).subarray(0, maxInputBytes);
}
