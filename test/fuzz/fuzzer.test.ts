/** The fuzzer itself: it must see what it is there to see. */
import { expect, test } from 'vitest';
import { inputAt } from '../dist/fuzz/input.js';
import { processorMs, watchMemory } from '../dist/fuzz/measure.js';
import { readers } from '../dist/fuzz/readers/index.js';
import { fuzzReaders } from '../dist/fuzz/supervise.js';
import { verdictOf } from '../dist/fuzz/verdict.js';

const reader = readers.find(({ name }) => name === 'npy')!;
const corpus = { reader, seeds: await reader.seeds('/nowhere'), hostile: [] };

test('an input is the same bytes whenever it is made, and another under another seed', () => {
  const numSeeds = corpus.seeds.length;
  const hex = (seed: number, index: number) =>
    Buffer.from(inputAt(corpus, seed, index).bytes).toString('hex');
  const first = Array.from({ length: 50 }, (_, i) => hex(1, numSeeds + i));
  expect(Array.from({ length: 50 }, (_, i) => hex(1, numSeeds + i))).toEqual(first);
  expect(new Set(first).size).toBeGreaterThan(40);
  const other = Array.from({ length: 50 }, (_, i) => hex(2, numSeeds + i));
  expect(other.filter((bytes, i) => bytes === first[i]).length).toBeLessThan(10);
});

test('what takes too long is named by its input, and what takes too much is ended', async () => {
  const tight = { maxMs: -1, maxMegabytes: 1_000, hangMs: 20_000, maxProcessMegabytes: 4_000 };
  const jobs = [
    { reader: 'npy', numInputs: 4 },
    { reader: 'frame', numInputs: 2 },
  ];
  const slow = await fuzzReaders(jobs, 1, tight);
  expect(slow.map(({ findings }) => findings.map(({ index }) => index))).toEqual([
    [0, 1, 2, 3],
    [0, 1],
  ]);
  const small = { maxMs: 1e6, maxMegabytes: 1e6, hangMs: 20_000, maxProcessMegabytes: 1 };
  await expect(fuzzReaders(jobs, 1, small)).rejects.toThrow('does not start');
});

test("only a reader's own errors, in words for a person, are answers", () => {
  const isAnswer = (error: unknown) => error instanceof Error && error.name === 'FileError';
  const fileError = (message: string) => Object.assign(new Error(message), { name: 'FileError' });
  expect(verdictOf(fileError('Cannot read a.png: the file ends early.'), isAnswer)).toBe('rejected');
  expect(verdictOf(new TypeError('x'), isAnswer)).toHaveProperty('fault');
  expect(verdictOf('x', isAnswer)).toHaveProperty('fault');
  for (const message of [
    "Cannot read properties of undefined (reading 'x')",
    'a\u001b[2J',
    'x'.repeat(5_000),
    'Invalid array length',
    'Maximum call stack size exceeded',
  ]) {
    expect(verdictOf(fileError(message), isAnswer), message).toHaveProperty('fault');
  }
});

test('memory that is used for a moment is seen, and processor time', () => {
  const startMs = processorMs();
  const peak = watchMemory();
  Buffer.alloc(100 * 2 ** 20, 1);
  expect(peak()).toBeGreaterThan(90);
  expect(processorMs()).toBeGreaterThan(startMs);
});
