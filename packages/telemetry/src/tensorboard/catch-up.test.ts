import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { missingEvents, writtenIn } from './catch-up.ts';
import type { WrittenEvent } from './protocol.ts';
import { frameRecord } from './records.ts';
import { picture, restartEvent, scalar, summaryEvent, versionEvent } from './summaries.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'catch-up-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const fileOf = (term: number) => join(folder, `events.out.tfevents.${String(term).padStart(10, '0')}.host.1`);
const write = (path: string, ...events: Uint8Array[]) =>
  appendFileSync(path, Buffer.concat(events.map((event) => frameRecord(event))));
const loss = (step: number) => summaryEvent(0, step, [scalar('Loss/train', 1)]);
const events = [1, 2, 3, 4, 5].flatMap((step) => [
  { type: 'step', step },
  ...(step % 2 === 0
    ? [
        { type: 'validated', step },
        { type: 'evaluation-kept', step },
        { type: 'checkpoint', step },
      ]
    : []),
]) as unknown as WrittenEvent[];
const missing = (term: number, numStepsDone: number) =>
  missingEvents(fileOf(term), events, numStepsDone).map(({ type, step }) => `${type} ${step}`);

test('what the killed start had not written is missing, up to where the run goes on', () => {
  write(fileOf(1), versionEvent(0), restartEvent(0, 1), loss(1), loss(2));
  write(fileOf(1), summaryEvent(0, 2, [scalar('Loss/validation', 1)]), loss(3));
  expect(missing(2, 4)).toEqual([
    'evaluation-kept 2',
    'checkpoint 2',
    'step 4',
    'validated 4',
    'evaluation-kept 4',
    'checkpoint 4',
  ]);
  expect(missing(2, 1)).toEqual([]);
  expect(missing(2, 0)).toEqual([]);
});

test('a record that was cut was not written, however large it is', () => {
  write(fileOf(1), versionEvent(0), restartEvent(0, 1), loss(1));
  const large = picture('masks/0001', 9, 9, new Uint8Array(3_000_000));
  write(fileOf(1), summaryEvent(0, 1, [large]), loss(2));
  expect(writtenIn(fileOf(1))).toMatchObject({ step: 2, 'evaluation-kept': 1 });
  const { length } = frameRecord(loss(2));
  const whole = Buffer.concat(
    [versionEvent(0), restartEvent(0, 1), loss(1), summaryEvent(0, 1, [large]), loss(2)].map((e) =>
      frameRecord(e),
    ),
  );
  truncateSync(fileOf(1), whole.length - 1);
  expect(writtenIn(fileOf(1))).toMatchObject({ step: 1, 'evaluation-kept': 1 });
  truncateSync(fileOf(1), whole.length - length - 1);
  expect(writtenIn(fileOf(1))).toMatchObject({ step: 1, 'evaluation-kept': 0 });
});

test('a start that was killed before its mark counts for nothing; one with its mark has all before it', () => {
  write(fileOf(1), versionEvent(0), restartEvent(0, 1), loss(1), loss(2), loss(3));
  write(fileOf(2), versionEvent(0), loss(4));
  expect(missing(3, 4)).toContain('step 4');
  write(fileOf(2), restartEvent(0, 5));
  expect(missing(3, 5)).toEqual(['step 5']);
});

test('records are known by their first tag alone, whatever photos and classes are called', () => {
  const kept = (step: number, id: string) => summaryEvent(0, step, [picture(`masks/${id}`, 9, 9, pixel)]);
  const pixel = Buffer.from('Loss/train learning_rate weights/ IoU/mean');
  write(fileOf(1), versionEvent(0), restartEvent(0, 1), loss(1));
  write(fileOf(1), kept(5, 'Loss/train'), kept(6, `${'x'.repeat(600)}/learning_rate`));
  write(fileOf(1), summaryEvent(0, 7, [scalar('IoU/Loss/train', 1), scalar('Loss/validation', 1)]));
  write(
    fileOf(1),
    summaryEvent(0, 8, [scalar('pixel_accuracy', 1)]),
    summaryEvent(0, 9, [scalar('step', 1)]),
  );
  expect(writtenIn(fileOf(1))).toEqual({ step: 1, validated: 8, 'evaluation-kept': 6, checkpoint: 0 });
});

test('records after one whose length is damaged do not count', () => {
  write(fileOf(1), versionEvent(0), restartEvent(0, 1), loss(1));
  appendFileSync(fileOf(1), new Uint8Array(160));
  write(fileOf(1), loss(2));
  expect(writtenIn(fileOf(1))).toMatchObject({ step: 1 });
});

test('what is no event file has nothing', () => {
  expect(missing(1, 1)).toEqual(['step 1']);
  writeFileSync(fileOf(1), 'no records at all, but longer than a header');
  expect(writtenIn(fileOf(1))).toBeNull();
  expect(missing(2, 1)).toEqual(['step 1']);
});
