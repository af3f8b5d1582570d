/**
 * The followed photos of a run: photo and truth from the data, prediction from the evaluation. What is not at hand, such as
 * photos that lie on another machine, is left out and told of; the rest is shown all the same.
 */
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { printable, UserError } from '@unet-fleet/law';
import {
  type ClassScheme,
  colourMask,
  countErrors,
  errorMap,
  type LabelMap,
  labelMapOf,
  labelsIn,
  type RgbImage,
} from '@unet-fleet/pictures';
import type { Evaluation, EvaluationStore } from '@unet-fleet/record';
import type { RunHistory } from '../history/run-history.ts';
import { SamplePictures } from '../server/sample-pictures.ts';
import { decoded, exactPicture, photoPicture, smaller } from './picture.ts';
import type { Masks, PhotoRow, Progress } from './report.ts';

const inflated = promisify(inflate);

/** Of a photo, and of a prediction in the row of its earlier ones. */
const maxSide = 512;
const maxProgressSide = 224;
const maxProgressPhotos = 4;
const maxProgressSteps = 6;

/** A class map is decoded whole before it is made smaller. */
const maxPixels = 2 ** 26;

type Picture = Evaluation['pictures'][number];

interface Found {
  row: PhotoRow;
  maps: LabelMap[];
  /** Why its photo or truth is not there. */
  problem: string | null;
}

/** null where the evaluation kept no picture that can be read. */
export async function masksOf(
  history: RunHistory,
  evaluations: EvaluationStore,
  evaluation: Evaluation,
  steps: readonly number[],
): Promise<Masks | null> {
  const names = history.folder.record.classNames;
  const samples = new SamplePictures();
  const found: Found[] = [];
  const numClasses = names.length;
  for (const [index, picture] of evaluation.pictures.entries()) {
    const prediction = await predictionOf(evaluations, evaluation.step, index, picture, numClasses);
    if (prediction) found.push(await photoOf(history, samples, picture.sampleId, prediction));
  }
  if (found.length === 0) return null;
  const labels = labelsIn(
    found.flatMap(({ maps }) => maps),
    schemeOf(numClasses),
  );
  const progress = await progressOf(evaluations, evaluation, steps, numClasses);
  return {
    step: evaluation.step,
    rows: found.map(({ row }) => row),
    progress,
    labels: labels.filter((label) => label !== ignored),
    hasIgnored: labels.includes(ignored),
    withoutPhotos: problemOf(found),
  };
}

/** The label of pixels that do not count, above every class: ignoredValue() of a map of two bytes a pixel. */
const ignored = 0xffff;
const schemeOf = (numClasses: number): ClassScheme => ({
  classNames: Array.from({ length: numClasses }, () => ''),
  ignoreIndex: ignored,
});

async function predictionOf(
  evaluations: EvaluationStore,
  step: number,
  index: number,
  { width, height, bytesPerPixel }: Picture,
  numClasses: number,
): Promise<LabelMap | null> {
  if (width * height > maxPixels) return null;
  const deflated = await evaluations.readClasses(step, index);
  return deflated && inflatedMap(deflated, { width, height, bytesPerPixel }, numClasses);
}

/** null where the bytes are no such map. Labels that are no class do not count. */
export async function inflatedMap(
  deflated: Uint8Array,
  { width, height, bytesPerPixel }: Pick<Picture, 'width' | 'height' | 'bytesPerPixel'>,
  numClasses: number,
): Promise<LabelMap | null> {
  const numBytes = width * height * bytesPerPixel;
  const bytes = await inflated(deflated, { maxOutputLength: numBytes }).catch(() => null);
  if (bytes?.length !== numBytes) return null;
  const { labels } = labelMapOf(bytes, { width, height, bytesPerPixel });
  const counted = new Uint16Array(labels).map((label) => (label < numClasses ? label : ignored));
  return { width, height, labels: counted };
}

async function photoOf(
  history: RunHistory,
  samples: SamplePictures,
  sampleId: string,
  prediction: LabelMap,
): Promise<Found> {
  const scheme = schemeOf(history.folder.record.classNames.length);
  const shown = smaller(prediction, maxSide);
  let photo: RgbImage | null = null;
  let truth: LabelMap | null = null;
  let problem: string | null = null;
  try {
    const data = await dataOf(history, samples, sampleId, prediction);
    photo = await decoded(data.photo, maxSide);
    truth = smaller(data.truth, maxSide);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problem = error.message.replace(/\.$/, '');
  }
  const counts = truth && countErrors(truth, shown, null);
  const row: PhotoRow = {
    sampleId,
    photo: photo && (await photoPicture(photo)),
    truth: truth && (await exactPicture(colourMask(truth, scheme))),
    prediction: await exactPicture(colourMask(shown, scheme)),
    error: photo && truth && (await photoPicture(errorMap(photo, truth, shown, scheme))),
    accuracy: counts && counts.numCounted > 0 ? counts.numRight / counts.numCounted : null,
  };
  return { row, maps: truth ? [shown, truth] : [shown], problem };
}

/** Photo and truth of the size of its prediction. Throws a UserError. */
async function dataOf(
  history: RunHistory,
  samples: SamplePictures,
  sampleId: string,
  { width, height }: LabelMap,
) {
  // Names that can't be printed as they are, are written otherwise in an evaluation.
  const { images, masks } = history.folder.config.data;
  for (const folder of [images, masks]) {
    if (!existsSync(folder))
      throw new UserError(`${folder} is not on this machine: make the report where the data is`);
  }
  const id = history.folder.split.validation.find((one) => printable(one, 4_096) === sampleId) ?? sampleId;
  const photo = await samples.photo(history, id);
  const { bytes, ...shape } = await samples.truth(history, id);
  const bytesPerPixel = shape.bytesPerPixel === 2 ? 2 : 1;
  const numClasses = history.folder.record.classNames.length;
  const isOfSize = (size: { width: number; height: number }) =>
    size.width === width && size.height === height;
  const truth =
    isOfSize(photo) && isOfSize(shape)
      ? await inflatedMap(bytes, { width, height, bytesPerPixel }, numClasses)
      : null;
  if (!truth) throw new UserError(`photo or mask of ${sampleId} is another than the run was made with`);
  return { photo: photo.bytes, truth };
}

function problemOf(found: readonly Found[]): string {
  const problems = found.flatMap(({ problem }) => problem ?? []);
  if (problems.length === 0) return '';
  const which =
    problems.length === found.length
      ? 'Photos and truth are'
      : `${problems.length} of ${found.length} photos with their truth are`;
  return `${which} not shown: ${printable(problems[0]!, 600)}.`;
}

/** The first photos of the evaluation, at evaluations spread evenly over those up to it. */
async function progressOf(
  evaluations: EvaluationStore,
  last: Evaluation,
  steps: readonly number[],
  numClasses: number,
): Promise<Progress[]> {
  const chosen = spread(
    steps.filter((step) => step <= last.step),
    maxProgressSteps,
  );
  if (chosen.length < 2) return [];
  const scheme = schemeOf(numClasses);
  const progress: Progress[] = last.pictures
    .slice(0, maxProgressPhotos)
    .map(({ sampleId }) => ({ sampleId, steps: [] }));
  for (const step of chosen) {
    const evaluation = step === last.step ? last : await evaluations.read(step);
    for (const { sampleId, steps: shown } of progress) {
      const index = evaluation?.pictures.findIndex((picture) => picture.sampleId === sampleId) ?? -1;
      if (!evaluation || index === -1) continue;
      const map = await predictionOf(evaluations, step, index, evaluation.pictures[index]!, numClasses);
      if (!map) continue;
      const prediction = await exactPicture(colourMask(smaller(map, maxProgressSide), scheme));
      shown.push({ step, meanIou: evaluation.meanIou, prediction });
    }
  }
  return progress.filter(({ steps: shown }) => shown.length > 1);
}

/** At most `num` (at least 2) of the items, the first and the last among them. */
export function spread<T>(items: readonly T[], num: number): T[] {
  if (items.length <= num) return [...items];
  return Array.from(
    { length: num },
    (_, index) => items[Math.round((index * (items.length - 1)) / (num - 1))]!,
  );
}
