/**
 * Writes checkpoints in a thread of its own. The caller hands over a snapshot in shared memory, which nobody may
 * change until the promise settles; on this thread the cost is that of one message.
 */
import { atExit } from '@unet-fleet/shared';
import { Thread } from '@unet-fleet/shared/threads';
import { assertTermHeld } from '../run-folder/lock.ts';
import { type CheckpointContent, removeUnfinished } from './write.ts';
import type { WriteResult, WriterFunctions, WriterOptions } from './writer-thread.ts';

export type { WriteResult } from './writer-thread.ts';

export class CheckpointWriter {
  readonly #thread: Thread<WriterFunctions>;
  readonly #options: WriterOptions;

  /** Only for the holder of the run's lock: what an earlier writer left unfinished is removed. */
  constructor(options: WriterOptions) {
    this.#options = options;
    this.#thread = new Thread(new URL('./writer-thread.js', import.meta.url), {
      name: 'the checkpoint writer',
      data: options,
      // A run that is over does not wait for a writer that has nothing to do.
      unrefIdle: true,
    });
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
    // A process that ends at once leaves no half of one.
    const isSettled = atExit(() => this.#removeUnfinished());
    return this.#thread.call('write', [content]).finally(isSettled);
  }

  /** Throws where another process has taken the run over: then whatever is unfinished may be its own. */
  #removeUnfinished(): void {
    const { checkpoints, fence } = this.#options;
    if (fence) assertTermHeld(fence.runFolder, fence.term);
    removeUnfinished(checkpoints);
  }

  /** Waits for the writes under way, then ends the thread. */
  async close(): Promise<void> {
    await this.#thread.idle();
    await this.#thread.close();
  }
}
