/**
 * Keeps what a run tells about itself: metrics.jsonl for programs, curves.png for people. Pictures are drawn beside
 * training and never twice at a time; a picture that can't be drawn is a warning, never the end of a run.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { trainingCurves } from '@unet-fleet/pictures';
import type { RunEvent } from '@unet-fleet/shared';
import { MetricsFile, readMetrics } from '../run-folder/metrics.ts';

const recorded = new Set<RunEvent['type']>([
  'run-started',
  'worker-joined',
  'worker-left',
  'worker-late',
  'lease-repeated',
  'worker-set-aside',
  'broker-lost',
  'broker-back',
  'leaf-skipped',
  'checkpoint-failed',
  'epoch-started',
  'step',
  'validated',
  'checkpoint',
  'warning',
  'finished',
]);

export class Recorder {
  readonly #metricsPath: string;
  readonly #curvesPath: string;
  readonly #title: string;
  readonly #metrics: MetricsFile;
  readonly #onWarning: (message: string) => void;
  #drawing: Promise<void> | null = null;
  #drawAgain = false;

  /** `step`: commits so far; what was recorded after them is dropped, because it will happen again. */
  constructor(
    root: string,
    metricsPath: string,
    step: number,
    title: string,
    onWarning: (message: string) => void,
  ) {
    this.#metricsPath = metricsPath;
    this.#curvesPath = join(root, 'curves.png');
    this.#title = title;
    this.#metrics = new MetricsFile(metricsPath, step);
    this.#onWarning = onWarning;
  }

  record(event: RunEvent): void {
    if (!recorded.has(event.type)) return;
    this.#metrics.append({ at: new Date().toISOString(), ...event });
    if (event.type === 'validated') this.#draw();
  }

  /** Draws the last picture and closes the file. */
  async close(): Promise<void> {
    this.#draw();
    while (this.#drawing) await this.#drawing;
    this.#metrics.close();
  }

  #draw(): void {
    if (this.#drawing) {
      this.#drawAgain = true;
      return;
    }
    this.#drawing = trainingCurves(this.#title, readMetrics<RunEvent>(this.#metricsPath))
      .then((png) => writeFile(this.#curvesPath, png))
      .catch((error: Error) => this.#onWarning(`the curves could not be drawn: ${error.message}`))
      .finally(() => {
        this.#drawing = null;
        if (!this.#drawAgain) return;
        this.#drawAgain = false;
        this.#draw();
      });
  }
}
