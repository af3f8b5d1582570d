/**
 * The observers of a run: started beside it, told of its events, closed at its end. None of them can end the run or make
 * it wait: one that throws becomes a warning, and one that does not close in time is left behind.
 */
import type { TimedEvent } from '@unet-fleet/law';
import type { LiveRun, Observer } from './live-run.ts';

/** Listeners of a run's events. One that throws is heard no more. */
export class Listeners {
  readonly #listeners = new Set<(event: TimedEvent) => void>();
  readonly #onWarning: (message: string) => void;

  constructor(onWarning: (message: string) => void) {
    this.#onWarning = onWarning;
  }

  /** Returns what ends it. */
  add(listener: (event: TimedEvent) => void): () => void {
    // Each has an entry of its own, even where the same function listens twice.
    const entry = (event: TimedEvent) => listener(event);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  tell(event: TimedEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        // Taken off first: the warning is an event as well.
        this.#listeners.delete(listener);
        this.#onWarning(
          `one that watches the run has failed and is told no more: ${(error as Error).message}`,
        );
      }
    }
  }
}

/** Time that an observer has for its last words. */
const closeMs = 10_000;

/** Starts the observers and returns what closes them, which never rejects. */
export function startObservers(
  observers: readonly Observer[],
  run: LiveRun,
  onWarning: (message: string) => void,
): () => Promise<void> {
  const failed = (error: Error) => onWarning(`one that watches the run has failed: ${error.message}`);
  const started = observers.map(async (observer) => {
    try {
      return await observer(run);
    } catch (error) {
      failed(error as Error);
      return null;
    }
  });
  return async () => {
    const closed = Promise.all(
      started.map(async (observer) => (await observer)?.close()).map((close) => close.catch(failed)),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<true>((resolve) => {
      timer = setTimeout(() => resolve(true), closeMs);
    });
    const isLate = await Promise.race([closed.then(() => false), late]);
    clearTimeout(timer);
    if (isLate) onWarning(`one that watches the run has not closed within ${closeMs / 1_000} s: it is left`);
  };
}
