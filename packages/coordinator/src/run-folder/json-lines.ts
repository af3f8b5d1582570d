/**
 * Files of one JSON object a line, which a run appends to while it goes on. What this file keeps true: whatever cuts
 * an append short (a kill, a full disk), the next one begins on a line of its own, and a reader gets whole lines only,
 * in bounded memory.
 */
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

const chunkBytes = 1024 * 1024;
/** No run writes a longer line; a reader passes over it. */
const maxLineBytes = 64 * 1024 * 1024;
const newline = 0x0a;

export interface Line {
  /** What the line says; undefined when it is no JSON. */
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

function parsed(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8'));
  } catch {
    return undefined;
  }
}

export class JsonLinesFile {
  readonly #file: number;
  /** Of the whole lines. */
  #sizeBytes = 0;

  /**
   * Opens the file for appending after the lines that are kept: the first one that is not, and all after it, are cut
   * off. Throws the system's error if it can't be written.
   */
  constructor(path: string, keeps: (value: unknown) => boolean) {
    for (const { value, endBytes } of linesOf(path)) {
      if (!keeps(value)) break;
      this.#sizeBytes = endBytes;
    }
    this.#file = openSync(path, 'a');
    ftruncateSync(this.#file, this.#sizeBytes);
  }

  /** Throws the system's error if the line can't be written; then the file is as it was. */
  append(value: object): void {
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    let numWritten = 0;
    try {
      while (numWritten < line.length) numWritten += writeSync(this.#file, line, numWritten);
    } catch (error) {
      ftruncateSync(this.#file, this.#sizeBytes);
      throw error;
    }
    this.#sizeBytes += line.length;
  }

  close(): void {
    closeSync(this.#file);
  }
}
