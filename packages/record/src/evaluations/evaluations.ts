/**
 * What each validation of a run showed, kept in its folder: the confusion matrix, and the classes that the model gave
 * each pixel of the followed photos. Readable without a coordinator, by the live page, the report and TensorBoard.
 *
 *   evaluations/step-00000120.json        an Evaluation
 *   evaluations/step-00000120/<n>.classes the n-th followed photo: zlib-deflated bytes of Evaluation.pictures[n]
 */

import { readdirSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { printable, type Step } from '@unet-fleet/law';
import { maxFollowed } from '@unet-fleet/wire/protocol/messages';
import { z } from 'zod';

/** Entries of a matrix of numClasses x numClasses that are not 0: row = truth, column = prediction. */
export interface SparseConfusion {
  /** truth * numClasses + prediction, rising. */
  indices: number[];
  counts: number[];
}

export interface Evaluation {
  version: 1;
  step: Step;
  epoch: number;
  /** ISO 8601, UTC. */
  at: string;
  /** These three are null where nothing counted. */
  loss: number | null;
  pixelAccuracy: number | null;
  meanIou: number | null;
  /** By class; null where the class is in neither truth nor prediction. */
  classIou: (number | null)[];
  confusion: SparseConfusion;
  /** Of each leaf, so that the photos behind a cell can be found; [] where that would be too much to keep. */
  leaves: { sampleIds: string[]; confusion: SparseConfusion }[];
  /** Size is that of training; one byte a pixel up to 256 classes, else two, little-endian, row by row. */
  pictures: { sampleId: string; width: number; height: number; bytesPerPixel: 1 | 2 }[];
}

export interface EvaluationStore {
  /** Steps that were evaluated, rising. */
  steps(): number[];
  /** null where there is none, or it can't be read. */
  read(step: Step): Promise<Evaluation | null>;
  /** As deflated by zlib. */
  readClasses(step: Step, picture: number): Promise<Uint8Array | null>;
}

/** What a writer of ours makes at most, with room: of what is kept of leaves see evaluation-writer.ts. */
const maxFileBytes = 2 ** 25;
const maxClassesBytes = 2 ** 27;

const folderName = 'evaluations';
const fileNames = /^step-(\d{8,10})\.json$/;

export const evaluationsFolder = (runDir: string): string => join(runDir, folderName);
export const evaluationName = (step: Step): string => `step-${String(step).padStart(8, '0')}`;
export const classesName = (picture: number): string => `${picture}.classes`;

const id = z
  .string()
  .max(4_096)
  .transform((value) => printable(value, 4_096));
const count = z.number().int().nonnegative();
const share = z.number().min(0).max(1);
/** A plain loop: there may be a hundred thousand, and whoever reads may have other things to do. */
const counts = z.custom<number[]>(
  (values) =>
    Array.isArray(values) && values.every((value) => Number.isSafeInteger(value) && (value as number) >= 0),
);
const confusion = z
  .object({ indices: counts, counts })
  .refine((sparse) => sparse.indices.length === sparse.counts.length);
/** What another version, a person or half a copy has left is no evaluation; and its texts go to people. */
const evaluationSchema: z.ZodType<Evaluation> = z
  .object({
    version: z.literal(1),
    step: count,
    epoch: count,
    at: z.iso.datetime(),
    loss: z.number().nullable(),
    pixelAccuracy: share.nullable(),
    meanIou: share.nullable(),
    classIou: z.array(share.nullable()).max(65_536),
    confusion,
    leaves: z.array(z.object({ sampleIds: z.array(id), confusion })),
    pictures: z
      .array(
        z.object({
          sampleId: id,
          width: count.min(1).max(65_536),
          height: count.min(1).max(65_536),
          bytesPerPixel: z.union([z.literal(1), z.literal(2)]),
        }),
      )
      .max(maxFollowed),
  })
  // Every index is a cell of the matrix, so that no reader has to ask.
  .refine(({ classIou, leaves, ...whole }) =>
    [whole.confusion, ...leaves.map((leaf) => leaf.confusion)].every(({ indices }) =>
      indices.every((cell) => cell < classIou.length ** 2),
    ),
  );

/**
 * The evaluations of a run folder, whether the run goes on or not. Each question looks at the folder anew; a file that is
 * missing, damaged or too large is none.
 */
export function openEvaluations(runDir: string): EvaluationStore {
  const folder = evaluationsFolder(runDir);
  return {
    steps: () => evaluatedSteps(folder),
    async read(step) {
      const text = await readSmall(join(folder, `${evaluationName(step)}.json`), maxFileBytes);
      if (!text) return null;
      try {
        const evaluation = evaluationSchema.parse(JSON.parse(text.toString('utf8')));
        return evaluation.step === step ? evaluation : null;
      } catch {
        return null;
      }
    },
    async readClasses(step, picture) {
      if (!Number.isInteger(picture) || picture < 0 || picture >= maxFollowed) return null;
      return readSmall(join(folder, evaluationName(step), classesName(picture)), maxClassesBytes);
    },
  };
}

/** Steps of the evaluations in a folder, rising; a missing folder has none. */
export function evaluatedSteps(folder: string): number[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .flatMap((name) => fileNames.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

async function readSmall(path: string, maxBytes: number): Promise<Buffer | null> {
  try {
    const { size } = await stat(path);
    return size > maxBytes ? null : await readFile(path);
  } catch {
    return null;
  }
}
