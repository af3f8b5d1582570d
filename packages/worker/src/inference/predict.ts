/**
 * Segments photos: each is shrunk to training size as in training, predicted, and the classes are brought back to
 * the photo's own size. A photo that can't be read is named and the others go on.
 */
import {
  decodePhoto,
  type MaskMeaning,
  maskMeaning,
  resizePhoto,
  trainingSizeOf,
  unitPixels,
} from '@unet-fleet/dataset';
import { type ExitCode, exitCodes, ignoredLabel, sideLimits } from '@unet-fleet/law';
import { toRgb } from '@unet-fleet/pictures';
import { explained, makeFolder, readPlain } from '@unet-fleet/shared';
import { loadAhead } from './evaluate.ts';
import { type Failure, Failures } from './failure.ts';
import { findPhotos } from './inputs.ts';
import { assertApart } from './output-folder.ts';
import { type PhotoPage, pagesOfPhotos } from './photo-pages.ts';
import { type PredictionFiles, writePrediction } from './prediction-files.ts';
import { readTruth } from './truth.ts';
import { findTruths, type TruthFolder } from './truths.ts';
import type { InferenceEngine, OnProgress, TrainedModel } from './types.ts';
import { voteResize } from './upsample.ts';

export interface PredictOptions extends TruthFolder {
  /** Pixels of one photo or mask. */
  maxPixels: number;
}

export interface PredictionReport {
  numPhotos: number;
  outputs: (PredictionFiles & { id: string; photo: string })[];
  /** Photos or their masks that could not be used, in the order they were met. */
  failures: Failure[];
  /** With a folder of masks: photos that have none in it. */
  photosWithoutMasks: string[];
  /** The first failure that should never happen, to be thrown once all is told; null if there was none. */
  bug: unknown;
  /** usage if anything failed. */
  exitCode: ExitCode;
}

/**
 * Predicts the photos that `inputs` name (files, folders or patterns) and writes, for each, `<id>_mask.png`,
 * `<id>_grey.png`, `<id>_overlay.png` and `<id>_figure.png` below `outDir`. The engine must hold the model's weights.
 * Throws a UserError if an input matches nothing, no photo has a mask in the folder of masks, or the output folder is that
 * of a photo or a mask.
 */
export async function predictPhotos(
  model: TrainedModel,
  engine: InferenceEngine,
  inputs: readonly string[],
  outDir: string,
  options: PredictOptions,
  onProgress: OnProgress = () => {},
): Promise<PredictionReport> {
  const settings = await settingsOf(model, options);
  const found = await findPhotos(inputs, outDir);
  const { photos, byPhoto } = await findTruths(found, options, settings.meaning);
  const pages = await pagesOfPhotos(photos);
  const maskPaths = [...(byPhoto?.values() ?? [])];
  await assertApart(photos, maskPaths, outDir);
  try {
    makeFolder(outDir);
  } catch (error) {
    throw unwritable(outDir, error);
  }
  const report: Omit<PredictionReport, 'failures' | 'bug' | 'exitCode'> = {
    numPhotos: pages.length,
    outputs: [],
    photosWithoutMasks: byPhoto ? photos.map(({ path }) => path).filter((path) => !byPhoto.has(path)) : [],
  };
  const failures = new Failures();
  const fail = (path: string, error: unknown) => failures.add(path, error);
  const store = async ({ id, path }: PhotoPage, { photo, truth }: Prepared, labels: Uint16Array) => {
    const prediction = { width: photo.width, height: photo.height, labels };
    const { numClasses } = model.model;
    const { scheme } = settings;
    try {
      const files = await writePrediction({ id, photo, prediction, truth, numClasses, scheme }, outDir);
      report.outputs.push({ id, photo: path, ...files });
    } catch (error) {
      if (diskFaults.includes((error as NodeJS.ErrnoException).code ?? '')) throw unwritable(outDir, error);
      fail(path, error);
    }
  };
  // What is written for one photo is drawn while the next is computed; never more than one waits.
  let storing: Promise<void> = Promise.resolve();
  let numDone = 0;
  const prepare = (input: PhotoPage) =>
    prepared(input, byPhoto?.get(input.path) ?? null, model, settings).catch((error: unknown) => ({ error }));
  for await (const [input, ready] of loadAhead(pages, prepare)) {
    if ('error' in ready) {
      fail(input.path, ready.error);
    } else {
      if (ready.truthFault !== null) fail(input.path, ready.truthFault);
      const labels = await classesOf(ready, engine).catch((error: unknown) => {
        fail(input.path, error);
        return null;
      });
      await storing;
      if (labels !== null) storing = store(input, ready, labels);
      // Reported by the next await; until then it must not count as unhandled.
      storing.catch(() => {});
    }
    onProgress(++numDone, pages.length);
  }
  await storing;
  const { list, bug } = failures;
  return { ...report, failures: list, bug, exitCode: list.length > 0 ? exitCodes.usage : exitCodes.ok };
}

/** What would fail for every photo after this one as well. */
const diskFaults = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'];

const unwritable = (outDir: string, error: unknown): unknown =>
  explained(error, { what: 'the predictions', path: outDir, instead: 'or choose another folder with --out' });

async function settingsOf({ data, model, classNames }: TrainedModel, { masks, maxPixels }: PredictOptions) {
  // Without masks, what they mean is not asked: the palette's file may be gone by now.
  const meaning: MaskMeaning | null = masks === '' ? null : await maskMeaning({ ...data, maxPixels });
  const scheme = { classNames, ignoreIndex: ignoredLabel(data) };
  return { maxPixels, meaning, scheme, limits: sideLimits(model) };
}

type Settings = Awaited<ReturnType<typeof settingsOf>>;

/** A photo at its own size for the eye, and at training size for the model. */
async function prepared(
  { path, page }: PhotoPage,
  maskPath: string | null,
  { data, model }: TrainedModel,
  settings: Settings,
) {
  const { valueRange, orientation } = data;
  const decoded = await decodePhoto(path, await readPlain(path), {
    channels: model.inChannels,
    valueRange,
    orientation,
    maxPixels: settings.maxPixels,
    page,
  });
  const { width, height } = decoded;
  const target = trainingSizeOf(data, decoded, settings.limits);
  const pixels = await resizePhoto(decoded, target);
  const { numClasses } = model;
  const { meaning } = settings;
  let truthFault: unknown = null;
  const truth =
    meaning === null || maskPath === null
      ? null
      : await readTruth(maskPath, decoded, { ...meaning, numClasses, page }).catch((error) => {
          truthFault = error;
          return null;
        });
  const photo = toRgb(decoded.pixels, width, height, decoded.channels);
  return { photo, truth, truthFault, target, pixels };
}

type Prepared = Awaited<ReturnType<typeof prepared>>;

async function classesOf({ photo, target, pixels }: Prepared, engine: InferenceEngine): Promise<Uint16Array> {
  const images = unitPixels(pixels);
  const labels = await engine.predict({ numImages: 1, ...target, images });
  return voteResize(labels, target, photo);
}
