/**
 * Draws the curves of a run in a thread of its own: reading a long run's metrics and drawing them take longer than a step
 * may wait. The thread is started with the first picture.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface CurvesRequest {
  title: string;
  metricsPath: string;
  picturePath: string;
}

export interface CurvesAnswer {
  problem: string | null;
}

export class CurvesDrawer {
  #thread: Worker | null = null;

  /** Resolves when the picture is there; rejects with what went wrong. One at a time. */
  async draw(request: CurvesRequest): Promise<void> {
    this.#thread ??= this.#start();
    const thread = this.#thread;
    const ended = new AbortController();
    const exited = once(thread, 'exit', { signal: ended.signal }).then(() => {
      throw new Error('the thread that draws has ended');
    });
    exited.catch(() => {});
    const answered = once(thread, 'message', { signal: ended.signal });
    answered.catch(() => {});
    thread.postMessage(request);
    try {
      const [{ problem }] = (await Promise.race([answered, exited])) as [CurvesAnswer];
      if (problem !== null) throw new Error(problem);
    } finally {
      ended.abort();
    }
  }

  /** One that ends by itself, for instance for want of memory, is no loss: the next picture gets another. */
  #start(): Worker {
    const thread = new Worker(new URL('./curves-thread.js', import.meta.url));
    thread.on('error', () => {});
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = null;
    });
    return thread;
  }

  async close(): Promise<void> {
    await this.#thread?.terminate();
    this.#thread = null;
  }
}
