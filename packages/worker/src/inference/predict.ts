/**
 * Segments photos: each is shrunk to training size as in training, predicted, and the classes are brought back to
 * the photo's own size. A photo that can't be read is named and the others go on.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  decodePhoto,
  FileError,
  type MaskMeaning,
  maskMeaning,
  resizePhoto,
  trainingSizeOf,
} from '@unet-fleet/dataset';
import { toRgb } from '@unet-fleet/pictures';
import { type ExitCode, exitCodes, ignoredLabel, UserError } from '@unet-fleet/shared';
import { loadAhead } from './evaluate.ts';
import { findPhotos, type PhotoInput } from './inputs.ts';
import { type PredictionFiles, writePrediction } from './prediction-files.ts';
import { readTruth } from './truth.ts';
import type { InferenceEngine, OnProgress, TrainedModel } from './types.ts';
import { voteResize } from './upsample.ts';

export interface PredictOptions {
  /** Folder of true masks to show beside the predictions; '' for none. */
  masks: string;
  maskSuffix: string;
  /** Pixels of one photo or mask. */
  maxPixels: number;
}

export interface PredictionReport {
  outputs: (PredictionFiles & { id: string; photo: string })[];
  /** Photos or their masks that could not be used, in the order they were met. */
  failures: { path: string; reason: string }[];
  /** usage if anything failed. */
  exitCode: ExitCode;
}

/**
 * Predicts the photos that `inputs` name (files, folders or patterns) and writes, for each, `<id>_mask.png`,
 * `<id>_grey.png`, `<id>_overlay.png` and `<id>_figure.png` below `outDir`. The engine must hold the model's weights.
 * Throws a UserError if an input matches nothing or the output folder is that of a photo.
 */
export async function predictPhotos(
  model: TrainedModel,
  engine: InferenceEngine,
  inputs: readonly string[],
  outDir: string,
  options: PredictOptions,
  onProgress: OnProgress = () => {},
): Promise<PredictionReport> {
  const photos = await findPhotos(inputs, outDir);
  assertApart(photos, outDir);
  const settings = await settingsOf(model, options);
  const report: PredictionReport = { outputs: [], failures: [], exitCode: exitCodes.ok };
  const fail = (path: string, error: unknown) => {
    report.failures.push(faultOf(path, error));
    report.exitCode = exitCodes.usage;
  };
  const store = async ({ id, path }: PhotoInput, { photo, truth }: Prepared, labels: Uint16Array) => {
    const prediction = { width: photo.width, height: photo.height, labels };
    const { numClasses } = model.model;
    const { scheme } = settings;
    const files = await writePrediction({ id, photo, prediction, truth, numClasses, scheme }, outDir).catch(
      (error) => {
        throw unwritable(outDir, error);
      },
    );
    report.outputs.push({ id, photo: path, ...files });
  };
  // What is written for one photo is drawn while the next is computed; never more than one waits.
  let storing: Promise<void> = Promise.resolve();
  let numDone = 0;
  const prepare = (input: PhotoInput) =>
    prepared(input, model, settings).catch((error: unknown) => ({ error }));
  for await (const [input, ready] of loadAhead(photos, prepare)) {
    if ('error' in ready) {
      fail(input.path, ready.error);
    } else {
      if (ready.truthFault !== null) fail(input.path, ready.truthFault);
      const labels = await classesOf(ready, engine);
      await storing;
      storing = store(input, ready, labels);
      // Reported by the next await; until then it must not count as unhandled.
      storing.catch(() => {});
    }
    onProgress(++numDone, photos.length);
  }
  await storing;
  return report;
}

/** Disk full, no permission: a sentence. Anything else is a broken invariant and stays what it is. */
function unwritable(outDir: string, error: NodeJS.ErrnoException): Error {
  if (error.code === undefined) return error;
  return new UserError(`Cannot write to ${outDir} (${error.message}): choose another folder with --out.`);
}

/** Results beside the photos would be taken for photos the next time. */
function assertApart(photos: PhotoInput[], outDir: string): void {
  const beside = photos.find(({ path }) => dirname(path) === resolve(outDir));
  if (beside === undefined) return;
  throw new UserError(
    `${outDir} is the folder of the photo ${beside.path}: choose another folder with --out.`,
  );
}

async function settingsOf(
  { data, classNames }: TrainedModel,
  { masks, maskSuffix, maxPixels }: PredictOptions,
) {
  if (masks !== '' && !(await stat(masks).catch(() => null))?.isDirectory()) {
    throw new UserError(`There is no folder ${masks}: check --masks.`);
  }
  // Without masks, what they mean is not asked: the palette's file may be gone by now.
  const meaning: MaskMeaning | null = masks === '' ? null : await maskMeaning({ ...data, maxPixels });
  return { masks, maskSuffix, maxPixels, meaning, scheme: { classNames, ignoreIndex: ignoredLabel(data) } };
}

type Settings = Awaited<ReturnType<typeof settingsOf>>;

/** A photo at its own size for the eye, and at training size for the model. */
async function prepared({ id, path }: PhotoInput, { data, model }: TrainedModel, settings: Settings) {
  const decoded = await decodePhoto(path, await readFile(path), {
    channels: model.inChannels,
    maxPixels: settings.maxPixels,
  });
  const { width, height } = decoded;
  const target = trainingSizeOf(data, decoded);
  const pixels = await resizePhoto(decoded, target);
  const { numClasses } = model;
  const { masks, maskSuffix, meaning } = settings;
  let truthFault: unknown = null;
  const truth =
    meaning === null
      ? null
      : await readTruth(id, decoded, { ...meaning, masks, maskSuffix, numClasses }).catch((error) => {
          truthFault = error;
          return null;
        });
  const photo = toRgb(decoded.pixels, width, height, decoded.channels);
  return { photo, truth, truthFault, target, pixels };
}

type Prepared = Awaited<ReturnType<typeof prepared>>;

async function classesOf({ photo, target, pixels }: Prepared, engine: InferenceEngine): Promise<Uint16Array> {
  const images = Float32Array.from(pixels, (value) => value / 255);
  const labels = await engine.predict({ numImages: 1, ...target, images });
  return voteResize(labels, target, photo);
}

/** Which file is at fault, and why. Rethrows what is no fault of a file. */
function faultOf(path: string, error: unknown): { path: string; reason: string } {
  if (error instanceof FileError) return { path: error.path, reason: error.reason };
  if (error instanceof UserError) return { path, reason: error.message };
  const { code, path: file, message } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return { path: file ?? path, reason: code === 'EACCES' ? 'there is no permission to read it' : message };
}
