/**
 * A text file that a long run appends to: metrics, a log. What it keeps true: a disk that is full, a folder that was
 * removed or made unwritable costs at most lines, never the run; lines wait in bounded memory until the disk takes
 * them again, and none is left half-written in front of the next.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from './folders.ts';

/** A day of a run's metrics. */
const defaultMaxWaitingBytes = 4 * 1024 * 1024;

export interface SteadyFileOptions {
  /** Told once when the file can't be written, with the system's error. */
  onTrouble?(error: Error): void;
  /** Told when it can be written again; `numLost` texts did not fit into memory meanwhile. */
  onRecovered?(numLost: number): void;
  /** Asked before each write: false for one who has lost the right to it, whose texts are dropped. */
  mayWrite?(): boolean;
  maxWaitingBytes?: number;
}

export class SteadyFile {
  readonly #path: string;
  readonly #options: SteadyFileOptions;
  #file: number | null;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #numLost = 0;
  #isFailing = false;

  /** Opens the file for appending. Throws the system's error if that can't be done. */
  constructor(path: string, options: SteadyFileOptions = {}) {
    this.#path = path;
    this.#options = options;
    this.#file = openSync(path, 'a');
  }

  /** Appends whole lines, or keeps them until the disk takes them. Never throws. */
  append(text: string): void {
    if (this.#options.mayWrite?.() === false) return;
    const bytes = Buffer.from(text);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#dropOldest();
    try {
      this.#flush();
    } catch (error) {
      if (this.#isFailing) return;
      // Before anybody is told: the telling may append.
      this.#isFailing = true;
      this.#options.onTrouble?.(error as Error);
      return;
    }
    if (!this.#isFailing) return;
    this.#isFailing = false;
    const numLost = this.#numLost;
    this.#numLost = 0;
    this.#options.onRecovered?.(numLost);
  }

  /** Tries once more to write what waits, and closes the file. */
  close(): void {
    try {
      if (this.#waiting.length > 0 && this.#options.mayWrite?.() !== false) this.#flush();
    } catch {
      // Told when it began.
    }
    this.#closeFile();
  }

  #dropOldest(): void {
    const limit = this.#options.maxWaitingBytes ?? defaultMaxWaitingBytes;
    while (this.#waitingBytes > limit && this.#waiting.length > 1) {
      this.#waitingBytes -= this.#waiting.shift()!.length;
      this.#numLost++;
    }
  }

  #flush(): void {
    const file = this.#openAgain();
    while (this.#waiting.length > 0) {
      const [bytes] = this.#waiting as [Buffer];
      const { size } = fstatSync(file);
      try {
        for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
      } catch (error) {
        // A full disk may have taken a part.
        ftruncateSync(file, size);
        throw error;
      }
      this.#waiting.shift();
      this.#waitingBytes -= bytes.length;
    }
  }

  /** The open file, made anew if somebody has removed it or its folder. */
  #openAgain(): number {
    if (this.#file !== null && fstatSync(this.#file).nlink > 0) return this.#file;
    this.#closeFile();
    makeFolder(dirname(this.#path));
    this.#file = openSync(this.#path, 'a');
    return this.#file;
  }

  #closeFile(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}
