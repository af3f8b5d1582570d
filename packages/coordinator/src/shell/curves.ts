/**
 * Draws the curves of a run in a thread of its own: reading a long run's metrics and drawing them take longer than a step
 * may wait. The thread is started with the first picture.
 */
import { Thread } from '@unet-fleet/shared/threads';
import type { CurvesFunctions, CurvesRequest } from './curves-thread.ts';

export class CurvesDrawer {
  #thread: Thread<CurvesFunctions> | null = null;

  /** Resolves when the picture is there; rejects with what went wrong. */
  async draw(request: CurvesRequest): Promise<void> {
    this.#thread ??= this.#start();
    await this.#thread.call('draw', [request]);
  }

  /** One that ends by itself, for instance for want of memory, is no loss: the next picture gets another. */
  #start(): Thread<CurvesFunctions> {
    const file = new URL('./curves-thread.js', import.meta.url);
    const thread = new Thread<CurvesFunctions>(file, { name: 'the thread that draws' });
    void thread.ended.then(() => {
      if (this.#thread === thread) this.#thread = null;
    });
    return thread;
  }

  async close(): Promise<void> {
    await this.#thread?.close();
  }
}
