/** From a scan report to the data of a run: the policies for unpaired and wrong files, and the identity of the data. */
import { createHash } from 'node:crypto';
import { counted, type DataConfig, UserError } from '@unet-fleet/law';
import type { Split } from './split.ts';
import type { Dataset, OutOfRange, Sample, ScanReport } from './types.ts';

/** A higher value without any class names is rather a height map or a photo than a mask. */
const MAX_GUESSED_CLASSES = 1024;

/** "a, b, c and 4 more" */
export function listSome(items: readonly string[], limit = 3): string {
  const shown = items.slice(0, limit).join(', ');
  return items.length > limit ? `${shown} and ${items.length - limit} more` : shown;
}

/** Throws a UserError where a policy stops the run, or where too little is left to train on. */
export function datasetFrom(report: ScanReport, data: DataConfig): Dataset {
  const warnings = [...report.warnings, ...unpairedWarnings(report, data), ...wrongWarnings(report, data)];
  if (report.noFiles.length > 0) warnings.push(`Left out: ${listSome(report.noFiles)}.`);
  const { samples, split, numClasses, classNames, classPixels, notes, ...rest } = report;
  const settled = settledOf(rest);
  if (report.fault !== null) throw new UserError(report.fault);
  if (samples.length === 0) throw new UserError(noSamples(report, data));
  if (samples.length === 1) {
    throw new UserError(
      `There is only one photo with a mask (${samples[0]?.id}): at least two are needed, one to train on and one to validate on.`,
    );
  }
  if (split !== null) warnings.push(...splitWarnings(split, samples));
  if (report.isNumClassesGuessed && numClasses > MAX_GUESSED_CLASSES) {
    throw new UserError(
      `The highest mask value is ${numClasses - 1}, which is hardly a class: check --masks, or set --num-classes ${numClasses}.`,
    );
  }
  warnings.push(...classWarnings(report));
  const { paletteSha256 } = report;
  const sha256 = manifestSha256(samples, { ...data, ...settled, split, paletteSha256 });
  const told = { notes, warnings };
  return { samples, split, numClasses, classNames, classPixels, paletteSha256, ...settled, sha256, ...told };
}

/** What the options that were left to the data (auto) have become, to be put into a config. */
export const settledOf = ({
  maskValues,
  orientation,
  valueRange,
}: Pick<Dataset, 'maskValues' | 'orientation' | 'valueRange'>) => ({ maskValues, orientation, valueRange });

/**
 * Identity of the data: ids, sizes, contents, what gives the masks' colours and values their meaning, where they are not
 * classes by themselves, and the split that the data brings along.
 */
export function manifestSha256(
  samples: readonly Sample[],
  {
    paletteSha256,
    split,
    maskValues,
    maskThreshold,
  }: { paletteSha256: string; split: Split | null } & Pick<DataConfig, 'maskValues' | 'maskThreshold'>,
): string {
  const hash = createHash('sha256').update(`unet-fleet data 1\n${paletteSha256}\n`);
  if (maskValues !== 'as-is') hash.update(`values ${maskValues}\n`);
  if (maskThreshold > 0) hash.update(`threshold ${maskThreshold}\n`);
  for (const { id, width, height, photoSha256, maskSha256 } of samples) {
    hash.update(`${JSON.stringify(id)} ${width} ${height} ${photoSha256} ${maskSha256}\n`);
  }
  for (const id of split?.validation ?? []) hash.update(`validation ${JSON.stringify(id)}\n`);
  return hash.digest('hex');
}

/** Throws a UserError where a part has no photo. */
function splitWarnings({ training, validation }: Split, samples: readonly Sample[]): string[] {
  if (training.length === 0 || validation.length === 0) {
    const part = training.length === 0 ? 'training' : 'validation';
    throw new UserError(
      `No photo with a usable mask is left for ${part} in the split that the data brings along: mend it, or draw one with --split random.`,
    );
  }
  const byHash = new Map(samples.map(({ id, photoSha256 }) => [id, photoSha256]));
  const trained = new Map(training.map((id) => [byHash.get(id), id]));
  const twins = validation.flatMap((id) => {
    const twin = trained.get(byHash.get(id));
    return twin === undefined ? [] : [`${twin} and ${id}`];
  });
  if (twins.length === 0) return [];
  return [
    `${counted(twins.length, 'photo')} of the validation ${twins.length === 1 ? 'is' : 'are'} trained on under another name (${listSome(twins)}): the scores will be too good.`,
  ];
}

function unpairedWarnings(report: ScanReport, data: DataConfig): string[] {
  const { photosWithoutMasks, masksWithoutPhotos, unreadMasks } = report;
  const beside = unreadMasks === null ? '' : `, beside ${unreadMasks}`;
  const sentences: string[] = [];
  if (photosWithoutMasks.length > 0) {
    sentences.push(
      `${counted(photosWithoutMasks.length, 'photo')} without a mask (${listSome(photosWithoutMasks)})${beside}`,
    );
  }
  if (masksWithoutPhotos.length > 0) {
    sentences.push(
      `${counted(masksWithoutPhotos.length, 'mask')} without a photo (${listSome(masksWithoutPhotos)})`,
    );
  }
  // Where nothing fits at all, the message about that says more than the policy.
  const isNothingPaired = numPairs(report) === 0;
  if (sentences.length > 0 && data.unpaired === 'stop' && !isNothingPaired) {
    throw new UserError(
      `There are ${sentences.join(' and ')}: pair them, or use --unpaired warn to leave them out.`,
    );
  }
  return sentences.map((sentence) => `Left out: ${sentence}.`);
}

function wrongWarnings(report: ScanReport, data: DataConfig): string[] {
  const { sizeMismatches, outOfRange, unreadable } = report;
  const sentences: string[] = [];
  if (unreadable.length > 0) {
    const files = unreadable.map(({ path, reason }) => `${path}: ${reason}`);
    sentences.push(`${counted(unreadable.length, 'file')} cannot be read (${listSome(files)})`);
  }
  if (sizeMismatches.length > 0) {
    const sizes = sizeMismatches.map(
      ({ id, photo, mask }) => `${id}: ${photo.width}x${photo.height} against ${mask.width}x${mask.height}`,
    );
    sentences.push(`${counted(sizeMismatches.length, 'photo')} and mask differ in size (${listSome(sizes)})`);
  }
  if (outOfRange.length > 0) {
    sentences.push(
      `${counted(outOfRange.length, 'mask')} with values that are no class (${listSome(outOfRange.map(describeOutOfRange))})`,
    );
  }
  if (sentences.length > 0 && data.wrongMasks === 'stop') {
    throw new UserError(
      `${sentences.join('; ')}: mend them${report.outOfRange.length > 0 ? report.remedy : ''}, or use --wrong-masks skip to leave them out.`,
    );
  }
  return sentences.map((sentence) => `Left out: ${sentence}.`);
}

/** "car01.png: 255 (1204 pixels), 7 (3 pixels)" */
export function describeOutOfRange({ mask, values }: OutOfRange): string {
  const list = values.map(({ value, numPixels }) => `${value} (${counted(numPixels, 'pixel')})`);
  return `${mask}: ${listSome(list, 4)}`;
}

function numPairs(report: ScanReport): number {
  const wrongIds = new Set(report.unreadable.map(({ id }) => id));
  return report.samples.length + report.sizeMismatches.length + report.outOfRange.length + wrongIds.size;
}

function noSamples(report: ScanReport, data: DataConfig): string {
  if (numPairs(report) > 0)
    return `No photo with a usable mask is left of ${counted(numPairs(report), 'pair')}: mend the masks.`;
  const [photo] = report.photosWithoutMasks;
  const [mask] = report.masksWithoutPhotos;
  const remedy =
    report.pairingProposal ?? 'rename them, or say what names end in with --image-suffix and --mask-suffix';
  return `No photo in ${data.images} has a mask of the same name in ${data.masks} (there is ${photo} and ${mask}): ${remedy}.`;
}

function classWarnings({ classPixels, numClasses, isNumClassesGuessed }: ScanReport): string[] {
  const numAbsent = classPixels.filter((pixels) => pixels === 0).length;
  if (!isNumClassesGuessed || numAbsent === 0) return [];
  return [
    `The highest mask value is ${numClasses - 1}, so there are ${numClasses} classes, but ${numAbsent} of them never occur: check the masks, or set --num-classes.`,
  ];
}

/**
 * The samples with these ids, in the order of the ids. An id is only ever looked up among those that the scan found,
 * never made a path, so none can lead out of the data folder. Throws a UserError for one that is not there.
 */
export function samplesOf(dataset: Pick<Dataset, 'samples'>, ids: readonly string[]): Sample[] {
  const byId = new Map(dataset.samples.map((sample) => [sample.id, sample]));
  return ids.map((id) => {
    const sample = byId.get(id);
    if (sample === undefined) {
      throw new UserError(
        `The run's split names the sample ${id}, which the data set does not have: restore split.json.`,
      );
    }
    return sample;
  });
}
