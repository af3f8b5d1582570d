/**
 * What a start that was killed had not written any more: its last values are in metrics.jsonl and not in its event file.
 * The next start's file begins with them. What it keeps true: a file that has its mark of a restart has all before it.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { recordedScores } from '@unet-fleet/law';
import { fieldsOf, type ReadField } from './protobuf.ts';
import type { WrittenEvent } from './protocol.ts';
import { footerBytes, headerBytes, lengthOf } from './records.ts';
import {
  accuracyTag,
  lossTag,
  masksTag,
  normTag,
  rateTag,
  scorePrefix,
  speedTag,
  validationLossTag,
  weightsTag,
} from './tags.ts';

/** The highest step of which each kind was written. */
export interface Written {
  step: number;
  validated: number;
  'evaluation-kept': number;
  checkpoint: number;
}

const blockBytes = 1024 * 1024;
/** Its time, its step, and the tag of its first value: a record holds values of one kind. */
const beginningBytes = 512;

/** Fields of TensorFlow's Event, Summary, Summary.Value and SessionLog. */
const eventFields = { step: 2, summary: 5, sessionLog: 7 } as const;
const summaryValue = 1;
const valueTag = 1;
const sessionStatus = 1;
const statusStart = 1;

/** What a record with this tag first was written of; a prefix ends in "/". */
const kinds: readonly (readonly [tag: string, kind: keyof Written])[] = [
  ...[lossTag, rateTag, normTag, speedTag].map((tag) => [tag, 'step'] as const),
  ...[validationLossTag, accuracyTag, ...recordedScores.map(({ of }) => scorePrefix(of))].map(
    (tag) => [tag, 'validated'] as const,
  ),
  [masksTag(''), 'evaluation-kept'],
  [weightsTag(''), 'checkpoint'],
];

const kindOf = (firstTag: string): keyof Written | undefined =>
  kinds.find(([tag]) => (tag.endsWith('/') ? firstTag.startsWith(tag) : firstTag === tag))?.[1];

/** Of the events, those that no file before `path` has, up to the commit that the run goes on from. */
export function missingEvents(
  path: string,
  events: readonly WrittenEvent[],
  numStepsDone: number,
): WrittenEvent[] {
  if (numStepsDone === 0) return [];
  const written = writtenBefore(path);
  return events.filter((event) => {
    if (event.type === 'finished' || event.step > numStepsDone) return false;
    return event.step > written[event.type];
  });
}

/** By the newest file that has got to its mark. */
function writtenBefore(path: string): Written {
  const folder = dirname(path);
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch {
    names = [];
  }
  const before = names.map((name) => join(folder, name)).filter((other) => other < path);
  for (const other of before.reverse()) {
    const written = writtenIn(other);
    if (written) return written;
  }
  return upTo(0);
}

const upTo = (step: number): Written => ({
  step,
  validated: step,
  'evaluation-kept': step,
  checkpoint: step,
});

/** null where its mark is missing, or it is no event file. */
export function writtenIn(path: string): Written | null {
  let written: Written | null = null;
  for (const beginning of beginningsOf(path)) {
    const { step, isRestart, firstTag } = eventOf(beginning);
    if (isRestart) written = upTo(step - 1);
    const kind = kindOf(firstTag);
    if (written && kind) written[kind] = Math.max(written[kind], step);
  }
  return written;
}

interface EventBeginning {
  step: number;
  /** It says that steps from this one on are made again. */
  isRestart: boolean;
  /** Of its first value, as much as is there; empty without one. */
  firstTag: string;
}

function eventOf(beginning: Uint8Array): EventBeginning {
  const event: EventBeginning = { step: 0, isRestart: false, firstTag: '' };
  for (const { field, whole, bytes } of fieldsOf(beginning)) {
    if (field === eventFields.step && whole !== null) event.step = whole;
    if (field === eventFields.summary && bytes) event.firstTag = firstTagOf(bytes);
    if (field === eventFields.sessionLog && bytes) {
      event.isRestart = fieldOf(bytes, sessionStatus)?.whole === statusStart;
    }
  }
  return event;
}

function firstTagOf(summary: Uint8Array): string {
  const value = fieldOf(summary, summaryValue)?.bytes;
  const tag = value && fieldOf(value, valueTag)?.bytes;
  return tag ? Buffer.from(tag).toString('utf8') : '';
}

/** The first of this number. */
function fieldOf(message: Uint8Array, wanted: number): ReadField | null {
  for (const field of fieldsOf(message)) if (field.field === wanted) return field;
  return null;
}

/** Of each whole record; what is cut or damaged ends the file. */
function* beginningsOf(path: string): Generator<Uint8Array> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    const block = Buffer.alloc(blockBytes);
    let blockStart = 0;
    let blockLength = 0;
    /** Undefined where the file ends before. */
    const bytesAt = (position: number, length: number): Buffer | undefined => {
      if (position < blockStart || position + length > blockStart + blockLength) {
        blockStart = position;
        blockLength = readSync(file, block, 0, blockBytes, position);
      }
      const start = position - blockStart;
      return start + length <= blockLength ? block.subarray(start, start + length) : undefined;
    };
    for (let position = 0; ; ) {
      const header = bytesAt(position, headerBytes);
      if (!header) return;
      const length = lengthOf(header);
      if (length === null) return;
      const end = position + headerBytes + length + footerBytes;
      const data = bytesAt(position + headerBytes, Math.min(length, beginningBytes));
      const beginning = data && Uint8Array.from(data);
      if (!beginning || !bytesAt(end - footerBytes, footerBytes)) return;
      yield beginning;
      position = end;
    }
  } catch {
    // A disk that fails: what could be read counts.
  } finally {
    closeSync(file);
  }
}
