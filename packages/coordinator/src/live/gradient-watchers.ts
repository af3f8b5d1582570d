/**
 * Those who want to know how the gradients of validated steps are spread. While there is nobody, nothing is binned; and
 * what the reducers do for it reaches no weight (reducer/kept-gradient.ts).
 */
import { type Cadence, isValidated } from '../core/cadence.ts';
import type { GradientHistograms, GradientWatch } from '../reducer/pool.ts';

export class GradientWatchers implements GradientWatch {
  readonly #cadence: Cadence;
  readonly #onWarning: (message: string) => void;
  readonly #listeners = new Set<(histograms: GradientHistograms) => void>();

  constructor(cadence: Cadence, onWarning: (message: string) => void) {
    this.#cadence = cadence;
    this.#onWarning = onWarning;
  }

  /** Returns what ends it. A listener that throws is told no more. */
  add(listener: (histograms: GradientHistograms) => void): () => void {
    const entry = (histograms: GradientHistograms) => listener(histograms);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  isWanted(version: number): boolean {
    return this.#listeners.size > 0 && isValidated(this.#cadence, version);
  }

  onHistograms(histograms: GradientHistograms): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(histograms);
      } catch (error) {
        this.#listeners.delete(listener);
        this.#onWarning(
          `one that watches gradients has failed and is told no more: ${(error as Error).message}`,
        );
      }
    }
  }
}
