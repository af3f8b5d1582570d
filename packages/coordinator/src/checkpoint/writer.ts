/**
 * Writes checkpoints in a thread of its own. The caller hands over a snapshot in shared memory, which nobody may
 * change until the promise settles; on this thread the cost is that of one message.
 */
import { Worker } from 'node:worker_threads';
import { type ExitCode, UserError } from '@unet-fleet/shared';
import type { CheckpointContent, WrittenCheckpoint } from './write.ts';

export interface WriterOptions {
  /** The run's checkpoints folder; made at the first write. */
  checkpoints: string;
  /** Newest checkpoints to keep beside the best one. */
  keep: number;
  /** The run and the term that writes: nothing is changed once a later one was taken. null: there is no lock. */
  fence: { runFolder: string; term: number } | null;
}

export interface WriterRequest {
  content: CheckpointContent;
}

/** A durable checkpoint. */
export interface WriteResult {
  written: WrittenCheckpoint;
  /** From the snapshot to the synced folder: hashing, changing layouts, waiting for the disk; all beside training. */
  writeMs: number;
  /** What went wrong beside it: the checkpoint is none the worse. */
  warnings: string[];
}

export type WriterAnswer = WriteResult | { failed: { message: string; exitCode: ExitCode } };

export class CheckpointWriter {
  readonly #thread: Worker;
  /** The write under way, and those that wait for it; answers come in the order of the requests. */
  readonly #waiting: { resolve(result: WriteResult): void; reject(error: Error): void }[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #broken: Error | null = null;

  /** Only for the holder of the run's lock: what an earlier writer left unfinished is removed. */
  constructor(options: WriterOptions) {
    this.#thread = new Worker(new URL('./writer-thread.js', import.meta.url), { workerData: options });
    this.#thread.on('message', (answer: WriterAnswer) => this.#settle(answer));
    this.#thread.on('error', (error: Error) => this.#fail(error));
    this.#thread.on('exit', () => this.#fail(new Error('the checkpoint writer has ended')));
    // A run that is over does not wait for a writer that has nothing to do.
    this.#thread.unref();
  }

  /**
   * Writes a checkpoint and removes those no longer kept. Resolves when it is durable; rejects with a UserError if
   * the disk is full or may not be written, leaving the older checkpoints as they were and itself ready for the next.
   */
  write(content: CheckpointContent): Promise<WriteResult> {
    const { parameters, statistics, slots } = content.vectors;
    for (const vector of [parameters, statistics, ...slots]) {
      if (!(vector.buffer instanceof SharedArrayBuffer)) {
        throw new Error('a checkpoint is written from vectors in shared memory');
      }
    }
    if (this.#broken) return Promise.reject(this.#broken);
    const written = new Promise<WriteResult>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#thread.ref();
      this.#thread.postMessage({ content } satisfies WriterRequest);
    });
    this.#last = written.catch(() => undefined);
    return written;
  }

  /** Waits for the writes under way, then ends the thread. */
  async close(): Promise<void> {
    await this.#last;
    this.#thread.removeAllListeners();
    await this.#thread.terminate();
  }

  #settle(answer: WriterAnswer): void {
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#thread.unref();
    if ('written' in answer) waiting?.resolve(answer);
    else waiting?.reject(new UserError(answer.failed.message, answer.failed.exitCode));
  }

  #fail(error: Error): void {
    this.#broken ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#broken);
  }
}
