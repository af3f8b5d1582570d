/**
 * Keeps what a run tells about itself: metrics.jsonl for programs, curves.png for people. Pictures are drawn beside
 * training and never twice at a time; what can't be written is a warning, never the end of a run. Whoever has lost the
 * run's lock writes nothing.
 */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecorded, type Moment, type TimedEvent } from '@unet-fleet/law';
import { MetricsFile } from '@unet-fleet/record';
import { CurvesDrawer } from './curves.ts';

export class Recorder {
  readonly #metricsPath: string;
  readonly #curvesPath: string;
  readonly #title: string;
  readonly #metrics: MetricsFile;
  readonly #onWarning: (message: string) => void;
  readonly #mayWrite: () => boolean;
  readonly #drawer = new CurvesDrawer();
  #drawingFailed = false;
  #drawing: Promise<void> | null = null;
  #drawAgain = false;

  /** `reached`: of a run that goes on; what was recorded of later moments is dropped, because it will be told again. */
  constructor(
    root: string,
    metricsPath: string,
    reached: Moment | null,
    title: string,
    onWarning: (message: string) => void,
    mayWrite: () => boolean = () => true,
  ) {
    this.#metricsPath = metricsPath;
    this.#curvesPath = join(root, 'curves.png');
    this.#title = title;
    this.#metrics = new MetricsFile(metricsPath, reached, { onWarning, mayWrite });
    this.#onWarning = onWarning;
    this.#mayWrite = mayWrite;
  }

  record(event: TimedEvent): void {
    if (!isRecorded(event)) return;
    this.#metrics.append(event);
    // After this event's other consequences: drawing takes a moment, and workers wait for their leases.
    if (event.type === 'validated') setImmediate(() => this.#draw());
  }

  /** Draws the last picture and closes the file. */
  async close(): Promise<void> {
    this.#draw();
    while (this.#drawing) await this.#drawing;
    await this.#drawer.close();
    this.#metrics.close();
  }

  #draw(): void {
    if (this.#drawing) {
      this.#drawAgain = true;
      return;
    }
    this.#drawing = this.#drawOnce()
      .catch((error: Error) => {
        // Said once: the picture of a later moment has everything that this one would have had.
        if (!this.#drawingFailed) this.#onWarning(`the curves could not be drawn: ${error.message}`);
        this.#drawingFailed = true;
      })
      .finally(() => {
        this.#drawing = null;
        if (!this.#drawAgain) return;
        this.#drawAgain = false;
        this.#draw();
      });
  }

  async #drawOnce(): Promise<void> {
    const picturePath = `${this.#curvesPath}.tmp`;
    if (!this.#mayWrite()) return;
    try {
      await this.#drawer.draw({ title: this.#title, metricsPath: this.#metricsPath, picturePath });
      // Whoever has taken the run over meanwhile draws its own.
      if (!this.#mayWrite()) return;
      await rename(picturePath, this.#curvesPath);
    } catch (error) {
      await rm(picturePath, { force: true }).catch(() => {});
      throw error;
    }
    this.#drawingFailed = false;
  }
}
