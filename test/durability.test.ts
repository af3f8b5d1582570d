/**
 * Checkpoints are the only durable truth. Here everything is done to them that a disk, a crash or a hand can do, place
 * by place: what is damaged is never used, and there is always a good one.
 */
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import {
  bestCheckpointName,
  checkpointName,
  files,
  newestGoodCheckpoint,
  pruneCheckpoints,
  realFiles,
  writeCheckpoint,
} from '@unet-fleet/record';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { numOperationsOf, scenarios, tryCrashes } from './helpers/checkpoint-crashes.ts';
import { tryDamage } from './helpers/checkpoint-damage.ts';
import { outcomes } from './helpers/memory-disk.ts';
import { fastFolder, smallCheckpoint } from './helpers/small-checkpoint.ts';

vi.setConfig({ testTimeout: 240_000 });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(fastFolder(), 'durability-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

// All bytes take minutes: `pnpm durability` tries them. A stride of 13 meets every bit of a byte.
test('flipped in a byte of its four files, or cut at a length, a checkpoint is found damaged, and the one before is used', () => {
  const { failures, sizeBytes, numFlipped, numCut, numLoaded } = tryDamage(folder, {
    stride: 13,
    loadEvery: 250,
  });
  expect(failures).toEqual([]);
  expect(numCut).toBe(numFlipped);
  const numTexts = sizeBytes[files.manifest]! + sizeBytes[files.sums]!;
  const numTensors = sizeBytes[files.model]! + sizeBytes[files.optimizer]!;
  expect(numFlipped).toBeGreaterThanOrEqual(numTexts + numTensors / 13);
  expect(numLoaded).toBeGreaterThan(50);
});

describe('the power goes between any two operations, and what was not synced is lost or not', () => {
  const cases = scenarios.map((scenario) => ({
    scenario,
    name: scenario.name,
    numCases: (numOperationsOf(scenario) + 1) * outcomes.length,
  }));
  test.each(cases)('of $name: $numCases cases, always a good one', ({ scenario, numCases }) => {
    const figures = tryCrashes(scenario, join(folder, 'disk'));
    expect(figures.failures).toEqual([]);
    expect(figures.numCases).toBe(numCases);
  });
});

test('pruning keeps the newest, the best and the last good one, whatever is damaged', () => {
  const operations = { ...realFiles, sync: () => {} };
  const checkpoint = fc.record({
    damage: fc.option(fc.constantFrom(...Object.values(files)), { nil: null, freq: 2 }),
    isBest: fc.boolean(),
  });
  const property = fc.property(
    fc.array(checkpoint, { minLength: 1, maxLength: 6 }),
    fc.integer({ min: 1, max: 4 }),
    (made, keep) => {
      const checkpoints = join(folder, 'checkpoints');
      rmSync(checkpoints, { recursive: true, force: true });
      let best: number | null = null;
      made.forEach(({ damage, isBest }, i) => {
        const step = i + 1;
        if (isBest) best = step;
        const { path } = writeCheckpoint(checkpoints, smallCheckpoint(step, { best }), { operations });
        if (damage) truncateSync(join(path, damage), 40);
      });
      const lastGood = made.findLastIndex(({ damage }) => damage === null) + 1;
      const bestBefore = bestCheckpointName(checkpoints);

      const removed = pruneCheckpoints(checkpoints, keep, null, { operations });

      const left = readdirSync(checkpoints).sort();
      expect(left.length + removed.length).toBe(made.length);
      for (let step = made.length; step > Math.max(0, made.length - keep); step--) {
        expect(left).toContain(checkpointName(step));
      }
      if (bestBefore !== null) expect(left).toContain(bestBefore);
      if (lastGood > 0) expect(newestGoodCheckpoint(checkpoints).manifest.step).toBe(lastGood);
      expect(left.length).toBeLessThanOrEqual(keep + 2);
    },
  );
  fc.assert(property, { numRuns: 150 });
});
