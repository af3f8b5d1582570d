/**
 * A standard stream that a command writes to. What it keeps true: a write never throws, never ends the process and never
 * makes the work wait, whatever became of the other end: a reader that has gone (EPIPE), a terminal that was closed (EIO),
 * a disk that is full (ENOSPC), a reader that has stopped reading. What can't be written is dropped and counted, and the
 * count is told where writing works again.
 *
 * By default the text is what the command was run for: all of it waits for a slow reader, and `error` says at the end
 * that it was not written. After `goOnWithout` it is only told beside the work: little of it waits.
 */

import { fstatSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { counted } from '@unet-fleet/law';
import type { ScreenStream } from '../terminal/screen.ts';

/** Of text that tells of work: some thousand lines for a reader that comes back. */
const maxWaitingBytes = 256 * 1024;

/** Hands all of a text over, or calls back with the system's error. */
type Sink = (text: string, done: (error?: NodeJS.ErrnoException | null) => void) => void;

/** `lost`: the text that could not be written, where it is known. */
type TroubleListener = (error: NodeJS.ErrnoException, lost: string) => void;

export class Output implements ScreenStream {
  readonly fd: number;
  readonly #stream: NodeJS.WriteStream;
  readonly #isFile: boolean;
  readonly #sink: Sink;
  /** Lines that were dropped since the last one that was written. */
  #numDropped = 0;
  #numWaiting = 0;
  #whenFlushed: (() => void)[] = [];
  #error: NodeJS.ErrnoException | null = null;
  #isBroken = false;
  #onTrouble: TroubleListener | null = null;
  readonly #gone = new AbortController();

  /** `stream`: process.stdout or process.stderr, which nothing else may write to. */
  constructor(stream: NodeJS.WriteStream & { fd: number }) {
    this.#stream = stream;
    this.fd = stream.fd;
    // Without a listener an error would end the process. What a write meets comes by its callback as well.
    stream.on('error', (error: NodeJS.ErrnoException) => this.#failed(error));
    this.#isFile = isWrittenAtOnce(this.fd);
    this.#sink = this.#isFile ? fileSink(this.fd) : streamSink(stream);
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Undefined or 0 where the terminal does not know its size. */
  get columns(): number | undefined {
    return this.#stream.columns;
  }

  get rows(): number | undefined {
    return this.#stream.rows;
  }

  /** The error that lost some of the text; null when all was written, or nobody reads any more. */
  get error(): NodeJS.ErrnoException | null {
    return this.#error;
  }

  /** Aborted when nobody reads any more, and nobody will. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * From now on the work counts more than what is told of it: text waits in bounded memory, and its loss is no error.
   * `onTrouble` is told once when it can't be written.
   */
  goOnWithout(onTrouble: TroubleListener): void {
    this.#onTrouble = onTrouble;
  }

  write(text: string, done?: () => void): boolean {
    if (this.#gone.signal.aborted || this.#isFull()) {
      this.#numDropped += numLines(text);
      done?.();
      return true;
    }
    const numDropped = this.#numDropped;
    this.#numDropped = 0;
    this.#numWaiting++;
    this.#sink(droppedNote(numDropped) + text, (error) => {
      this.#numWaiting--;
      if (error) {
        this.#numDropped += numDropped + numLines(text);
        this.#failed(error, text);
      } else this.#isBroken = false;
      if (this.#numWaiting === 0) for (const resolve of this.#whenFlushed.splice(0)) resolve();
      done?.();
    });
    return true;
  }

  /** For the last word of a process that ends this moment: written now or never. */
  writeNow(text: string): void {
    try {
      writeSync(this.fd, text);
    } catch {
      // There is nobody to tell.
    }
  }

  /** Resolves when nothing waits any more; after `patienceMs` at the latest, to whether that is so. */
  async flushed(patienceMs: number): Promise<boolean> {
    if (this.#numWaiting === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      if (patienceMs !== Number.POSITIVE_INFINITY) timer = setTimeout(resolve, patienceMs);
    });
    await Promise.race([new Promise<void>((resolve) => this.#whenFlushed.push(resolve)), late]);
    clearTimeout(timer);
    return this.#numWaiting === 0;
  }

  /** At the end of the process: leaves a terminal, which may be shared with others, as it was found. */
  giveBack(): void {
    if (this.isTTY) setBlocking(this.#stream, true);
  }

  /** Whether what waits may be lost at the end of the process. */
  get isBesideWork(): boolean {
    return this.#onTrouble !== null;
  }

  #isFull(): boolean {
    return this.isBesideWork && this.#stream.writableLength > maxWaitingBytes;
  }

  #failed(error: NodeJS.ErrnoException, lost = ''): void {
    // Asked for its size, a terminal that is gone says so as well. A disk that does not answer may do so later.
    const isReaderGone = error.code === 'EPIPE' || error.code === 'ECONNRESET';
    if (isReaderGone || (error.code === 'EIO' && !this.#isFile)) this.#gone.abort();
    // The custom: a reader that has seen enough is no error.
    if (!isReaderGone && !this.isBesideWork) this.#error ??= error;
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#onTrouble?.(error, lost);
  }
}

const numLines = (text: string): number => text.split('\n').length - 1;

const droppedNote = (numDropped: number): string =>
  numDropped === 0 ? '' : `(${counted(numDropped, 'line')} left out that could not be written here)\n`;

/** Whether writing to it takes as long as a disk takes, and no reader can hold it up. */
function isWrittenAtOnce(fd: number): boolean {
  if (isatty(fd)) return false;
  // Node.js 20 takes the last status that was asked for as plain numbers for that of a path that it resolves next: after
  // a pipe's, an import would leave links unfollowed.
  const status = fstatSync(fd, { bigint: true });
  return !status.isFIFO() && !status.isSocket();
}

/** Node.js writes a file once, and does not say where a full disk took only a part. */
const fileSink =
  (fd: number): Sink =>
  (text, done) => {
    const bytes = Buffer.from(text);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } catch (error) {
      done(error as NodeJS.ErrnoException);
      return;
    }
    done();
  };

/** Node.js makes a write to a terminal wait until it is taken: Ctrl-S would stop the work. */
function streamSink(stream: NodeJS.WriteStream): Sink {
  if (stream.isTTY) setBlocking(stream, false);
  return (text, done) => void stream.write(text, done);
}

function setBlocking(stream: NodeJS.WriteStream, isBlocking: boolean): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?(isBlocking: boolean): void } };
  handle?.setBlocking?.(isBlocking);
}
