/**
 * Writes evaluations into the run folder, one after the other beside training. A reader sees none or a whole one: pictures
 * come first, the JSON file that names them last, each by a rename. A disk that fails costs evaluations and one warning.
 */
import { rmSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { type Moment, type Step, validationMoment } from '@unet-fleet/law';
import { makeFolder } from '@unet-fleet/shared';
import { inflateClasses } from './class-maps.ts';
import {
  classesName,
  type Evaluation,
  evaluatedSteps,
  evaluationName,
  evaluationsFolder,
} from './evaluations.ts';

/** What is written of a validation. */
export interface Validation extends Omit<Evaluation, 'version' | 'at' | 'pictures'> {
  /** `classes`: deflated, as a worker sent them. */
  pictures: { sampleId: string; classes: Uint8Array }[];
}

export interface EvaluationWriterOptions {
  runDir: string;
  numClasses: number;
  /** Training size of a photo; null for one that is not there. */
  sizeOf(sampleId: string): { width: number; height: number } | null;
  mayWrite(): boolean;
  onWarning(message: string): void;
  onKept(step: Step, numPictures: number): void;
  now?(): Date;
}

/** Evaluations that wait for a slow disk; one more is left out. */
const maxWaiting = 2;
/** Matrix entries that are made text without a break: about a ms. */
const entriesAtOnce = 10_000;

export class EvaluationWriter {
  readonly #options: EvaluationWriterOptions;
  readonly #folder: string;
  #numWaiting = 0;
  #last: Promise<void> = Promise.resolve();
  #isTroubleSaid = false;

  constructor(options: EvaluationWriterOptions) {
    this.#options = options;
    this.#folder = evaluationsFolder(options.runDir);
  }

  /** Drops evaluations after `reached`: a run that goes on from there makes them again. */
  dropAfter(reached: Moment): void {
    if (!this.#options.mayWrite()) return;
    try {
      for (const other of evaluatedSteps(this.#folder)) {
        if (validationMoment(other) <= reached) continue;
        rmSync(join(this.#folder, `${evaluationName(other)}.json`), { force: true });
        rmSync(join(this.#folder, evaluationName(other)), { recursive: true, force: true });
      }
    } catch (error) {
      this.#warn(error as Error);
    }
  }

  /** Returns at once. */
  write(validation: Validation): void {
    if (this.#numWaiting >= maxWaiting) {
      this.#warn(new Error('the disk is too slow'));
      return;
    }
    this.#numWaiting++;
    this.#last = this.#last
      .then(() => this.#write(validation))
      .catch((error: Error) => this.#discard(validation.step).then(() => Promise.reject(error)))
      .catch((error: Error) => this.#warn(error))
      .finally(() => {
        this.#numWaiting--;
      });
  }

  /** Resolves when all that was asked for is written, or has failed. */
  flushed(): Promise<void> {
    return this.#last;
  }

  #warn({ message }: Error): void {
    if (this.#isTroubleSaid) return;
    this.#isTroubleSaid = true;
    this.#options.onWarning(
      `an evaluation could not be written to ${this.#folder} (${message}); the run goes on, and later ones may be missing too`,
    );
  }

  async #write(validation: Validation): Promise<void> {
    const { mayWrite, now = () => new Date() } = this.#options;
    const { leaves, pictures, ...scores } = validation;
    const good = await this.#checked(pictures);
    if (!mayWrite()) return;
    const name = evaluationName(validation.step);
    const path = join(this.#folder, name);
    await rm(`${path}.tmp`, { recursive: true, force: true });
    makeFolder(`${path}.tmp`);
    await Promise.all(
      good.map(({ classes }, index) => writeFile(join(`${path}.tmp`, classesName(index)), classes)),
    );
    const shown = good.map(({ classes, ...picture }) => picture);
    const head = { version: 1, at: now().toISOString(), ...scores, pictures: shown };
    await writeFile(`${path}.json.tmp`, await textOf(head, leaves));
    // Whoever has taken the run over meanwhile writes this step itself.
    if (!mayWrite()) return;
    await rm(`${path}.json`, { force: true });
    await rm(path, { recursive: true, force: true });
    await rename(`${path}.tmp`, path);
    await rename(`${path}.json.tmp`, `${path}.json`);
    this.#options.onKept(validation.step, good.length);
  }

  /** What was begun of a step that can't be written. */
  async #discard(step: Step): Promise<void> {
    const path = join(this.#folder, evaluationName(step));
    for (const begun of [`${path}.tmp`, `${path}.json.tmp`]) {
      await rm(begun, { recursive: true, force: true }).catch(() => {});
    }
  }

  /** Those that are what they should be: as many bytes as the photo has pixels, each a class. */
  async #checked(pictures: Validation['pictures']) {
    const { numClasses, sizeOf } = this.#options;
    const bytesPerPixel = numClasses > 256 ? 2 : 1;
    const good: (Evaluation['pictures'][number] & { classes: Uint8Array })[] = [];
    for (const { sampleId, classes } of pictures) {
      const size = sizeOf(sampleId);
      if (size && (await inflateClasses(classes, size.width * size.height, numClasses))) {
        good.push({ sampleId, width: size.width, height: size.height, bytesPerPixel, classes });
      } else this.#options.onWarning(`the prediction of ${sampleId} is damaged and is not kept`);
    }
    return good;
  }
}

/** JSON in pieces, so that a long list of leaves is no long pause. */
async function textOf(head: object, leaves: Evaluation['leaves']): Promise<string> {
  const parts: string[] = [];
  let numEntries = 0;
  for (const leaf of leaves) {
    parts.push(JSON.stringify(leaf));
    numEntries += leaf.confusion.indices.length;
    if (numEntries < entriesAtOnce) continue;
    numEntries = 0;
    await breathe();
  }
  return `${JSON.stringify(head).slice(0, -1)},"leaves":[${parts.join(',\n')}]}\n`;
}
