/**
 * Files of one JSON value a line, which a run appends to while it goes on. What this file keeps true: whatever a kill
 * has left at the end, a reader gets whole lines only, in bounded memory, and who goes on begins on a line of its own.
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';

const chunkBytes = 1024 * 1024;
/** No run writes a longer line; a reader passes over it. */
const maxLineBytes = 64 * 1024 * 1024;
export const newline = 0x0a;
const openingBrace = 0x7b;

export interface Line {
  /** What the line says; undefined when it is no JSON object. */
  value: unknown;
  /** Where the next line begins in the file. */
  endBytes: number;
}

/** The whole lines of a file; a last one without its end is none. A missing file has none. */
export function* linesOf(path: string): Generator<Line> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    yield* linesIn(file);
  } finally {
    closeSync(file);
  }
}

function* linesIn(file: number): Generator<Line> {
  let parts: Buffer[] = [];
  let lengthBytes = 0;
  let endBytes = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    const numBytes = readSync(file, chunk);
    if (numBytes === 0) return;
    let start = 0;
    while (start < numBytes) {
      const found = chunk.subarray(0, numBytes).indexOf(newline, start);
      const end = found === -1 ? numBytes : found;
      lengthBytes += end - start;
      if (lengthBytes <= maxLineBytes) parts.push(chunk.subarray(start, end));
      else parts = [];
      start = end + 1;
      if (found === -1) continue;
      endBytes += lengthBytes + 1;
      yield { value: lengthBytes <= maxLineBytes ? parsed(Buffer.concat(parts)) : undefined, endBytes };
      parts = [];
      lengthBytes = 0;
    }
  }
}

/** What a line says; undefined when it is no JSON object. */
export function parsed(text: Buffer): unknown {
  if (text[0] !== openingBrace) return undefined;
  try {
    return JSON.parse(text.toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Takes the lines that are not kept out of the file, wherever they stand, and a last line without its end; makes the file
 * if it is missing. Where a line that is kept follows one that is not, the file is replaced whole, so that a crash leaves
 * the old one or the new. Throws the system's error if it can't be written.
 */
export function keepLines(path: string, isKept: (value: unknown) => boolean): void {
  const kept: Range[] = [];
  let startBytes = 0;
  for (const { value, endBytes } of linesOf(path)) {
    if (isKept(value)) addRange(kept, startBytes, endBytes);
    startBytes = endBytes;
  }
  if (kept.length === 0 || (kept.length === 1 && kept[0]!.startBytes === 0)) {
    cut(path, kept[0]?.endBytes ?? 0);
    return;
  }
  const temporary = `${path}.tmp`;
  try {
    copy(path, kept, temporary);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

interface Range {
  startBytes: number;
  endBytes: number;
}

function addRange(ranges: Range[], startBytes: number, endBytes: number): void {
  const last = ranges.at(-1);
  if (last?.endBytes === startBytes) last.endBytes = endBytes;
  else ranges.push({ startBytes, endBytes });
}

function cut(path: string, lengthBytes: number): void {
  const file = openSync(path, 'a');
  try {
    ftruncateSync(file, lengthBytes);
  } finally {
    closeSync(file);
  }
}

/** The new file is on the disk when this returns. */
function copy(path: string, ranges: readonly Range[], to: string): void {
  const source = openSync(path, 'r');
  try {
    const target = openSync(to, 'w');
    try {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      for (const { startBytes, endBytes } of ranges) {
        for (let at = startBytes; at < endBytes; ) {
          const numBytes = readSync(source, chunk, 0, Math.min(chunkBytes, endBytes - at), at);
          for (let done = 0; done < numBytes; ) done += writeSync(target, chunk, done, numBytes - done);
          if (numBytes === 0) throw new Error(`${path} has become shorter while it was copied`);
          at += numBytes;
        }
      }
      fsyncSync(target);
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}
