/**
 * Turns what a run tells into the records of its event file, one after the other. What can't be read, such as a
 * checkpoint that has been pruned, is left out; the file has a bound, beyond which only scalars are written.
 */
import { join } from 'node:path';
import type { ModelConfig } from '@unet-fleet/law';
import {
  checkpointName,
  type EvaluationStore,
  eventsIn,
  openEvaluations,
  openRunFolder,
  runPaths,
} from '@unet-fleet/record';
import { missingEvents } from './catch-up.ts';
import { EventFile } from './event-file.ts';
import { stepValues, validatedValues } from './event-values.ts';
import { MaskPictures } from './mask-pictures.ts';
import { endValue, startValues } from './plugins.ts';
import { isWritten, type ThreadMessage, type ThreadOptions, type WrittenEvent } from './protocol.ts';
import { histogram, picture, restartEvent, summaryEvent, type Value, versionEvent } from './summaries.ts';
import { gradientsTag, masksTag, weightsTag } from './tags.ts';
import { weightHistograms } from './weights.ts';

/** Of one start of a run; scalars of a million steps take 150 MB. */
const maxRichBytes = 2 ** 30;

export class BoardWriter {
  readonly #options: ThreadOptions;
  readonly #warn: (message: string) => void;
  readonly #file: EventFile;
  readonly #store: EvaluationStore;
  readonly #pictures: MaskPictures;
  readonly #maxRichBytes: number;
  #model: ModelConfig | null = null;
  #lastValidated = -1;
  #isFullSaid = false;
  #isUnreadableSaid = false;

  constructor(options: ThreadOptions, warn: (message: string) => void, maxBytes = maxRichBytes) {
    this.#options = options;
    this.#warn = warn;
    this.#maxRichBytes = maxBytes;
    this.#file = new EventFile(options.path, {
      onTrouble: ({ message }) =>
        warn(
          `TensorBoard's file ${options.path} can't be written (${message}); the run goes on, and values may be missing there`,
        ),
    });
    this.#store = openEvaluations(options.runDir);
    this.#pictures = new MaskPictures(options.data, options.samples, options.classNames);
  }

  async begin(): Promise<void> {
    const { startedAtMs, numStepsDone, hyperparameters, runName } = this.#options;
    await this.#file.write(versionEvent(startedAtMs));
    await this.#catchUp();
    await this.#file.write(
      restartEvent(startedAtMs, numStepsDone + 1),
      summaryEvent(startedAtMs, 0, startValues(hyperparameters, runName, startedAtMs)),
    );
  }

  /** What a start before, that was killed, had not written any more. */
  async #catchUp(): Promise<void> {
    const { runDir, path, numStepsDone } = this.#options;
    if (numStepsDone === 0) return;
    const events = [...eventsIn(runPaths(runDir).metrics)].filter(isWritten);
    const missing = new Set(missingEvents(path, events, numStepsDone));
    for (const event of events) {
      if (missing.has(event)) await this.handle({ type: 'event', event });
      // Its scores are there, its checkpoint's weights may not be.
      else if (event.type === 'validated' && event.step <= numStepsDone) this.#lastValidated = event.step;
    }
  }

  /** Never rejects. */
  async handle(message: ThreadMessage): Promise<void> {
    try {
      if (message.type === 'event') await this.#event(message.event);
      else await this.#gradients(message);
    } catch (error) {
      // A photo, an evaluation or a checkpoint; those after it may be readable.
      if (this.#isUnreadableSaid) return;
      this.#isUnreadableSaid = true;
      this.#warn(`something of the run is missing in TensorBoard: ${(error as Error).message}`);
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #event(event: WrittenEvent): Promise<void> {
    const atMs = Date.parse(event.at);
    switch (event.type) {
      case 'step':
        return this.#write(atMs, event.step, stepValues(event));
      case 'validated':
        this.#lastValidated = event.step;
        return this.#write(atMs, event.step, validatedValues(event, this.#options.classNames));
      case 'evaluation-kept':
        return this.#masks(atMs, event.step);
      case 'checkpoint':
        return this.#weights(atMs, event.step);
      case 'finished':
        if (event.reason !== 'stopped') await this.#write(atMs, event.step, [endValue(atMs)]);
    }
  }

  async #masks(atMs: number, step: number): Promise<void> {
    if (this.#isFull()) return;
    const evaluation = await this.#store.read(step);
    if (!evaluation) return;
    const pictures = await this.#pictures.of(evaluation, this.#store);
    const values = pictures.map(({ sampleId, width, height, png }) =>
      picture(masksTag(sampleId), width, height, png),
    );
    await this.#write(atMs, step, values);
  }

  /** Only of a checkpoint that belongs to a validation: others may come every few seconds. */
  async #weights(atMs: number, step: number): Promise<void> {
    if (step !== this.#lastValidated || this.#isFull()) return;
    const { runDir } = this.#options;
    this.#model ??= openRunFolder(runDir).record.model;
    const checkpoint = join(runPaths(runDir).checkpoints, checkpointName(step));
    const tensors = await weightHistograms(checkpoint, this.#model);
    await this.#write(
      atMs,
      step,
      tensors.flatMap(({ name, histogram: values }) => histogram(weightsTag(name), values) ?? []),
    );
  }

  async #gradients({ histograms, atMs }: Extract<ThreadMessage, { type: 'gradients' }>): Promise<void> {
    if (this.#isFull()) return;
    const { step, scale, tensors } = histograms;
    await this.#write(
      atMs,
      step,
      tensors.flatMap(({ name, histogram: values }) => histogram(gradientsTag(name), values, scale) ?? []),
    );
  }

  async #write(atMs: number, step: number, values: Value[]): Promise<void> {
    if (values.length > 0) await this.#file.write(summaryEvent(atMs, step, values));
  }

  #isFull(): boolean {
    if (this.#file.sizeBytes < this.#maxRichBytes) return false;
    if (!this.#isFullSaid) {
      this.#isFullSaid = true;
      const megabytes = Math.round(this.#maxRichBytes / 2 ** 20);
      this.#warn(`TensorBoard's file has reached ${megabytes} MiB: from now on it gets scalars alone`);
    }
    return true;
  }
}
