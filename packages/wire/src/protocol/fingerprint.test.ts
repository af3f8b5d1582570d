import { expect, it } from 'vitest';
import { engineDifferences, unrecordedParts, withEngine } from './fingerprint.ts';
import { fingerprintSchema } from './messages.ts';

const engine = {
  ...{ library: 'tf', device: 'gpu A', intraOpThreads: 2, precision: 'float32' as const },
  ...{ decoder: 'sharp 1', settings: '' },
};
/** As a version before recorded it. */
const old = fingerprintSchema.parse({
  ...{ library: 'tf', device: 'gpu A', intraOpThreads: 2, precision: 'float32', deterministic: true },
});

it('names every part that differs', () => {
  expect(engineDifferences(engine, engine)).toEqual([]);
  const other = { ...engine, decoder: 'sharp 2', settings: 'A=1' };
  expect(engineDifferences(engine, other)).toEqual([
    { part: 'decoder', ofRun: 'sharp 1', other: 'sharp 2' },
    { part: 'settings', ofRun: 'none', other: 'A=1' },
  ]);
});

it('takes the record of a version that knew float32 alone for float32', () => {
  const { precision: _, ...silent } = engine;
  expect(fingerprintSchema.parse(silent)).toEqual(engine);
  expect(engineDifferences(fingerprintSchema.parse(silent), { ...engine, precision: 'bf16' })).toEqual([
    { part: 'precision', ofRun: 'float32', other: 'bf16' },
  ]);
});

it('does not compare what an old record lacks, and wants all else', () => {
  expect(unrecordedParts(old)).toEqual(['decoder', 'settings']);
  expect(engineDifferences(old, engine)).toEqual([]);
  expect(engineDifferences(old, { ...engine, device: 'gpu B' })).toHaveLength(1);
  // A worker can't pass by saying less than the run has.
  expect(engineDifferences(engine, old).map(({ part }) => part)).toEqual(['decoder', 'settings']);
});

it('completes an old record by the first engine that is like it', () => {
  expect(withEngine([old], engine)).toEqual([engine]);
  expect(withEngine([engine], engine)).toEqual([engine]);
  const other = { ...engine, decoder: 'sharp 2' };
  expect(withEngine([engine], other)).toEqual([engine, other]);
});
