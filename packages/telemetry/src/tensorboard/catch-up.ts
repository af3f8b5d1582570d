/**
 * What a start that was killed had not written any more: its last values are in metrics.jsonl and not in its event file.
 * The next start's file begins with them. What it keeps true: a file that has its mark of a restart has all before it.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { WrittenEvent } from './protocol.ts';

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
const headerBytes = 12;
const footerBytes = 4;

/** Fields of TensorFlow's Event, with their wire types. */
const wallTime = 0x09;
const stepNumber = 0x10;
const sessionLog = 0x3a;

/** A step always has a rate; a validation of which nothing counted leaves nothing to write. */
const kinds = {
  'Loss/train': 'step',
  learning_rate: 'step',
  'Loss/validation': 'validated',
  'IoU/mean': 'validated',
  'masks/': 'evaluation-kept',
  'weights/': 'checkpoint',
} as const;

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
    const step = stepOf(beginning);
    if (step === null) continue;
    if (step.rest[0] === sessionLog) written = upTo(step.value - 1);
    const text = Buffer.from(step.rest).toString('latin1');
    const kind = Object.entries(kinds).find(([tag]) => text.includes(tag))?.[1];
    if (written && kind) written[kind] = Math.max(written[kind], step.value);
  }
  return written;
}

/** What follows the step, with it; null for an event without one, whose step is 0. */
function stepOf(bytes: Uint8Array): { value: number; rest: Uint8Array } | null {
  if (bytes[0] !== wallTime || bytes[9] !== stepNumber) return null;
  let value = 0;
  for (let at = 10, scale = 1; at < Math.min(bytes.length, 20); at++, scale *= 128) {
    value += (bytes[at]! & 0x7f) * scale;
    if (bytes[at]! < 0x80) return { value, rest: bytes.subarray(at + 1) };
  }
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
      const length = Number(header.readBigUInt64LE(0));
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
