/**
 * Gathers what one validation after the other shows, and hands it on to be written. It gets the answers that the core
 * counts and no others, so the sum of what is gathered is the matrix that the scores are of.
 */
import {
  leavesOf,
  numValidationLeaves,
  type PlanConfig,
  type RunEvent,
  type Step,
  stepTo,
  validationLeafSamples,
} from '@unet-fleet/law';
import type { EvaluationWriter, SparseConfusion, Validation } from '@unet-fleet/record';
import type { CountedAnswer } from '../core/types.ts';

/**
 * Matrix entries and sample ids of leaves that are kept of one validation: about 0.6 MB of JSON, which a page's server
 * reads within some 10 ms. A photo has some ten to some hundred entries, so this holds validation sets of several hundred
 * photos; of larger ones the whole matrix is kept and the photos behind its cells are not.
 */
export const maxLeafEntries = 50_000;

export interface KeeperOptions {
  plan: PlanConfig;
  numClasses: number;
  /** Ids of the validation photos, in the order of the split. */
  validationIds: readonly string[];
  /** Places in the split of the photos that are followed now. */
  followed(): readonly number[];
  writer: Pick<EvaluationWriter, 'write'>;
  onWarning(message: string): void;
}

export class EvaluationKeeper {
  readonly #options: KeeperOptions;
  #gathered: Gathered | null = null;
  #isTooLargeSaid = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** An answer that the core counts. */
  counted(answer: CountedAnswer): void {
    if (this.#gathered?.step === stepTo(answer.version)) this.#add(this.#gathered, answer);
  }

  /** An event of the core. */
  event(event: RunEvent): void {
    if (event.type === 'validation-started') {
      this.#gathered = newlyGathered(event.step, this.#options.numClasses);
    } else if (event.type === 'validated') {
      const gathered = this.#gathered;
      this.#gathered = null;
      if (gathered?.step === event.step) this.#options.writer.write(this.#validationOf(event, gathered));
    }
  }

  #add(gathered: Gathered, { node, confusion, pictures }: CountedAnswer): void {
    const { plan } = this.#options;
    const samples = leavesOf(node, numValidationLeaves(plan)).flatMap((leaf) =>
      validationLeafSamples(plan, leaf),
    );
    confusion.indices.forEach((cell, i) => {
      gathered.confusion[cell]! += confusion.counts[i]!;
    });
    gathered.numEntries += confusion.indices.length + samples.length;
    if (gathered.numEntries > maxLeafEntries) gathered.leaves.clear();
    else gathered.leaves.set(node.index, { samples, confusion });
    const wanted = new Set(this.#options.followed());
    for (const { sample, classes } of pictures) {
      if (!samples.includes(sample) || !wanted.has(sample)) continue;
      if (classes.byteLength === 0) this.#warnTooLarge(sample);
      // A copy: these bytes lie in the message, which lies in a larger piece of the connection's memory.
      else gathered.pictures.set(sample, classes.slice());
    }
  }

  #warnTooLarge(sample: number): void {
    if (this.#isTooLargeSaid) return;
    this.#isTooLargeSaid = true;
    this.#options.onWarning(
      `the prediction of ${this.#options.validationIds[sample]} is too large for a message of the broker and is not ` +
        'kept, nor are others like it: follow smaller photos, or raise max_payload of the NATS server',
    );
  }

  #validationOf(event: Extract<RunEvent, { type: 'validated' }>, gathered: Gathered): Validation {
    const { validationIds } = this.#options;
    const idOf = (sample: number) => validationIds[sample]!;
    const leaves = [...gathered.leaves].sort(([one], [other]) => one - other);
    const places = this.#options.followed().filter((place) => gathered.pictures.has(place));
    return {
      step: event.step,
      epoch: event.epoch,
      loss: event.loss,
      pixelAccuracy: event.pixelAccuracy,
      meanIou: event.meanIou,
      classIou: event.classIou ?? [],
      confusion: sparseOf(gathered.confusion),
      leaves: leaves.map(([, { samples, confusion }]) => ({ sampleIds: samples.map(idOf), confusion })),
      pictures: places.map((place) => ({ sampleId: idOf(place), classes: gathered.pictures.get(place)! })),
    };
  }
}

interface Gathered {
  step: Step;
  confusion: Float64Array;
  numEntries: number;
  /** By leaf. */
  leaves: Map<number, { samples: number[]; confusion: SparseConfusion }>;
  /** Deflated, by place in the split. */
  pictures: Map<number, Uint8Array>;
}

const newlyGathered = (step: Step, numClasses: number): Gathered => ({
  step,
  confusion: new Float64Array(numClasses * numClasses),
  numEntries: 0,
  leaves: new Map(),
  pictures: new Map(),
});

function sparseOf(confusion: Float64Array): SparseConfusion {
  const indices: number[] = [];
  const counts: number[] = [];
  confusion.forEach((count, cell) => {
    if (count === 0) return;
    indices.push(cell);
    counts.push(count);
  });
  return { indices, counts };
}
