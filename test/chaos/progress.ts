/**
 * What the run's own metrics file says about its course, across the coordinator's lives: each of them drops the steps
 * after its checkpoint and makes them again, which is seen here and counted.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TimedEvent } from '@unet-fleet/law';

const pollMs = 15;

export class Progress {
  readonly #path: string;
  #inode = 0;
  #offset = 0;
  #rest = '';
  #lastAt = '';
  /** The newest commit, of whichever life. */
  step = 0;
  /** The highest step that was ever committed. */
  highest = 0;
  /** Commits that an earlier life had made already. */
  numRedone = 0;
  /** From the undisturbed part of the run's course: durations of steps, in ms. */
  readonly stepMs: number[] = [];
  /** Called for each event in order, at most some milliseconds after it was written. */
  onEvent: (event: TimedEvent) => void = () => {};

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves to true when `isWanted` holds, to false when the time is over or `isOver` says so. */
  async until(
    isWanted: () => boolean,
    timeoutMs: number,
    isOver: () => boolean = () => false,
  ): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const over = isOver();
      this.read();
      if (isWanted()) return true;
      if (over || performance.now() > deadline) return false;
      await sleep(pollMs);
    }
  }

  /** Takes in what was written since the last call. */
  read(): void {
    let file: number;
    try {
      file = openSync(this.#path, 'r');
    } catch {
      return;
    }
    try {
      const { ino, size } = fstatSync(file);
      // A coordinator that goes on replaces the file by what it keeps of it: known lines, told from new by their time.
      if (ino !== this.#inode || size < this.#offset) {
        this.#inode = ino;
        this.#offset = 0;
        this.#rest = '';
      }
      const bytes = Buffer.alloc(Math.max(0, size - this.#offset));
      this.#offset += readSync(file, bytes, 0, bytes.length, this.#offset);
      const lines = (this.#rest + bytes.toString('utf8')).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) this.#take(line);
    } finally {
      closeSync(file);
    }
  }

  #take(text: string): void {
    let line: TimedEvent;
    try {
      line = JSON.parse(text);
    } catch {
      return; // cut by a kill; the next life drops it
    }
    if (line.at < this.#lastAt) return;
    if (line.at === this.#lastAt && !(line.type === 'step' && line.step === this.step + 1)) return;
    this.#lastAt = line.at;
    if (line.type === 'step') {
      if (line.step <= this.highest) this.numRedone++;
      this.step = line.step;
      this.highest = Math.max(this.highest, line.step);
      this.stepMs.push(line.stepMs);
    }
    this.onEvent(line);
  }
}
