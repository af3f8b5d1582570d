/** The commit of a step: what the update is told, and that a sum which can't be applied changes nothing. */
import { UserError } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import type { StepUpdate } from './bucket-owner.ts';
import { commitStep, type StepCommit } from './commit.ts';

/** Owners of buckets 0 and 1, that answer in the wrong order. */
function ownersOf(first: number[], second: number[]) {
  const applied: StepUpdate[] = [];
  return {
    applied,
    sumsOfSquares: async () => [
      { bucket: 1, blocks: Float64Array.from(second) },
      { bucket: 0, blocks: Float64Array.from(first) },
    ],
    apply: async (update: StepUpdate) => {
      applied.push(update);
    },
  };
}

const step: StepCommit = { version: 4, numLeaves: 3, weightSum: 4, learningRate: 0.5, skippedLeaves: [1] };

test('the mean of the gradients is clipped by its norm, and makes the next version', async () => {
  const owners = ownersOf([9, 16], [75]);
  expect(await commitStep(owners, step, { clip: 'norm', clipLimit: 1 })).toBe(2.5);
  expect(owners.applied).toEqual([
    {
      numLeaves: 3,
      skippedLeaves: [1],
      scalars: {
        scale: 0.25,
        normCoefficient: Math.fround(1 / (2.5 + 1e-6)),
        learningRate: 0.5,
        updateIndex: 5,
      },
    },
  ]);
});

test('the squares are added in the order of the buckets, whoever answers first', async () => {
  // Each alone is lost beside a 1: what is added before it counts.
  const small = [2 ** -53, 2 ** -53, 2 ** -53, 2 ** -53];
  const norm = await commitStep(ownersOf(small, [1]), step, { clip: 'none', clipLimit: 0 });
  expect(norm).toBe(Math.sqrt(1 + 2 ** -51) / 4);
  expect(norm).toBeGreaterThan(0.25);
});

test('a batch without a valid pixel has no gradient', async () => {
  const owners = ownersOf([0], [0]);
  expect(await commitStep(owners, { ...step, weightSum: 0 }, { clip: 'none', clipLimit: 0 })).toBe(0);
  expect(owners.applied[0]?.scalars).toMatchObject({ scale: 0, normCoefficient: 1 });
});

test('a sum that is not finite is applied to nothing', async () => {
  const owners = ownersOf([Number.POSITIVE_INFINITY], [1]);
  const commit = commitStep(owners, step, { clip: 'norm', clipLimit: 1 });
  await expect(commit).rejects.toThrow(/^the sum of the gradients of step 5 is not a finite number/);
  await expect(commit).rejects.toBeInstanceOf(UserError);
  expect(owners.applied).toEqual([]);
});
