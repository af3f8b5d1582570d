/** What becomes of a checkpoint between the core's decision and the disk, with a disk that does as it is told. */
import { exitCodes, type Progress, UserError } from '@unet-fleet/law';
import type { CheckpointContent, WriteResult } from '@unet-fleet/record';
import { realClock } from '@unet-fleet/shared';
import { beforeEach, expect, test } from 'vitest';
import type { Effect } from '../core/types.ts';
import type { ModelState } from '../reducer/bucket-owner.ts';
import { Snapshots, type SnapshotsOptions } from './snapshots.ts';

type Checkpoint = Extract<Effect, { type: 'checkpoint' }>;

let warnings: string[];
let saved: ModelState[];
let writes: { content: CheckpointContent; succeed(): void; fail(error: Error): void }[];
let mayWrite: boolean;
beforeEach(() => {
  warnings = [];
  saved = [];
  writes = [];
  mayWrite = true;
});

const full = () => new UserError('No space is left', exitCodes.unavailable);

function snapshotsOf(options: Partial<SnapshotsOptions> = {}): Snapshots {
  return new Snapshots({
    model: { numParameters: 3, numStatistics: 2 } as SnapshotsOptions['model'],
    plan: {
      numTrainSamples: 10,
      numValidationSamples: 1,
      batchSize: 2,
      leafSize: 1,
      epochs: 9,
      seed: 0,
    },
    slotNames: ['slot'],
    reducers: {
      save: async (state) => {
        state.parameters.fill(saved.push(state));
      },
    },
    writer: {
      write: (content) =>
        new Promise((resolve, reject) => {
          const { version: step } = content.facts.progress;
          const written = { path: '', name: '', step, weightsSha256: '', sizeBytes: 1 };
          const result: WriteResult = { written, writeMs: 1, warnings: [] };
          writes.push({ content, succeed: () => resolve(result), fail: reject });
        }),
    },
    constantFacts: {} as SnapshotsOptions['constantFacts'],
    engines: () => [],
    numBatchesTracked: () => 0,
    mayWrite: () => mayWrite,
    restoreFolder: () => {},
    onWarning: (message) => warnings.push(message),
    clock: { ...realClock, after: (_ms, work) => realClock.after(0, work) },
    ...options,
  });
}

const checkpoint = (version: number, kind: Partial<Checkpoint> = {}): Checkpoint => ({
  type: 'checkpoint',
  progress: { version } as Progress,
  isBest: false,
  isFinal: false,
  ...kind,
});

/** Waits until the n-th write is asked for. */
const writing = (n: number) => expect.poll(() => writes.length, { interval: 1 }).toBe(n);

test('a failed write is told, and the next one goes its way in the same memory', async () => {
  const snapshots = snapshotsOf();
  const first = snapshots.write(checkpoint(12));
  await writing(1);
  writes[0]!.fail(full());
  await expect(first).rejects.toThrow('No space is left');
  expect(snapshots.last).toBeNull();
  const second = snapshots.write(checkpoint(13));
  await writing(2);
  writes[1]!.succeed();
  expect(await second).toMatchObject({ written: { step: 13 }, writeMs: 1 });
  expect(saved[1]).toBe(saved[0]);
  expect(writes[1]!.content.facts).toMatchObject({ epoch: 2, stepInEpoch: 3 });
});

test('a slow disk costs ordinary checkpoints, then even the best, never the last', async () => {
  const snapshots = snapshotsOf();
  const kept = [1, 2].map((step) => snapshots.write(checkpoint(step)));
  expect(await snapshots.write(checkpoint(3))).toBeNull();
  expect(warnings).toEqual([
    'no checkpoint of step 3: 2 checkpoints are still being written; checkpoint less often',
  ]);
  kept.push(...[4, 5].map((step) => snapshots.write(checkpoint(step, { isBest: true }))));
  expect(await snapshots.write(checkpoint(6, { isBest: true }))).toBeNull();
  kept.push(snapshots.write(checkpoint(7, { isFinal: true })));
  await writing(5);
  expect(new Set(saved).size).toBe(5);
  for (const write of writes) write.succeed();
  expect((await Promise.all(kept)).map((result) => result?.written.step)).toEqual([1, 2, 4, 5, 7]);
});

test('the last checkpoint is tried again, with the weights it was taken of', async () => {
  const snapshots = snapshotsOf();
  const last = snapshots.write(checkpoint(8, { isFinal: true }));
  await writing(1);
  writes[0]!.fail(full());
  await writing(2);
  expect(warnings).toEqual(['No space is left; the run ends without it unless that is mended in 30 s']);
  expect(saved.length).toBe(1);
  expect(writes[1]!.content.vectors).toBe(writes[0]!.content.vectors);
  writes[1]!.succeed();
  expect((await last)?.written.step).toBe(8);
});

test('not for ever, and not by one who has lost the lock', async () => {
  const snapshots = snapshotsOf();
  const last = snapshots.write(checkpoint(8, { isFinal: true }));
  for (const n of [1, 2, 3, 4, 5, 6]) {
    await writing(n);
    writes[n - 1]!.fail(full());
  }
  await expect(last).rejects.toThrow('No space is left');

  const overtaken = snapshots.write(checkpoint(8, { isFinal: true }));
  await writing(7);
  mayWrite = false;
  writes[6]!.fail(full());
  await expect(overtaken).rejects.toThrow('No space is left');
  expect(writes.length).toBe(7);
});

test('a bug is no fault of the disk: it is not tried again', async () => {
  const snapshots = snapshotsOf();
  const last = snapshots.write(checkpoint(8, { isFinal: true }));
  await writing(1);
  writes[0]!.fail(new TypeError('bug'));
  await expect(last).rejects.toThrow(TypeError);
});
