/** A short run over every reader; `pnpm fuzz` tries as many inputs as there is time for. */
import { beforeAll, expect, test } from 'vitest';
import { readers } from '../dist/fuzz/readers/index.js';
import { defaultLimits, fuzzReaders, type Outcome } from '../dist/fuzz/supervise.js';

/** Times are for a machine with other things to do: only what never ends is found here. */
const limits = { ...defaultLimits, maxMs: 5_000, hangMs: 20_000 };
const seed = 20_260_101;

let outcomes: Outcome[] = [];
beforeAll(async () => {
  const wanted = readers.map(({ name, weight }) => ({
    reader: name,
    numInputs: Math.ceil(60 + 60 * weight),
  }));
  outcomes = await fuzzReaders(wanted, seed, limits);
});

test.each(readers.map(({ name }) => name))('%s: an answer to every input, in bounded memory', (name) => {
  const outcome = outcomes.find(({ reader }) => reader === name)!;
  expect(outcome.findings).toEqual([]);
  expect(outcome.accepted, 'the valid files among them').toBeGreaterThan(0);
  expect(outcome.accepted + outcome.rejected).toBe(outcome.numInputs);
});
