/** Holds what the product made of a cell against what the generator wrote. Pure: everything comes in as values. */
import { ignoredValues } from '@unet-fleet/law';
import type { Cell, Expect, Look, LookedSample } from './cell.ts';

/** The numbers of a sample. photo: HWC; classes: HW. */
export interface Truth {
  photo: Float64Array;
  photoChannels: number;
  width: number;
  height: number;
  classes: Float64Array;
}

/** What is wrong, a sentence each; none where all is as it must be. */
export function judge(cell: Cell, truths: readonly Truth[], look: Look): string[] {
  if (look.kind === 'accident') return [`accident: ${look.text.slice(0, 600)}`];
  const expect = strictest([cell.photo.expect, cell.mask.expect]);
  if (look.kind === 'refused') return judgeRefusal(cell, expect, look);
  if (expect === 'refuses') return ['it is read, and must be refused'];
  return [
    ...(look.exitCode === 0 ? [] : [`it is read, and ends with code ${look.exitCode}`]),
    ...judgeWords(cell.warns, look.said),
    ...judgeCounts(cell, truths, look.classPixels),
    ...judgeSamples(cell, truths, look.samples),
  ];
}

function strictest(wanted: readonly Expect[]): Expect {
  return (['refuses', 'either', 'reads'] as const).find((one) => wanted.includes(one))!;
}

function judgeRefusal(
  cell: Cell,
  expect: Expect,
  { exitCode, sentence }: { exitCode: number; sentence: string },
): string[] {
  const faults: string[] = [];
  if (expect === 'reads') return [`it is refused: ${sentence}`];
  if (exitCode === 0) faults.push(`it is refused, and ends with code 0: ${sentence}`);
  const says = [cell.photo.says, cell.mask.says].filter((one) => one !== '').join('|');
  if (!new RegExp(says, 'i').test(sentence)) faults.push(`the refusal does not say /${says}/: ${sentence}`);
  if (/undefined|\[object|NaN/.test(sentence)) faults.push(`the refusal is no sentence: ${sentence}`);
  return faults;
}

const judgeWords = (word: string, said: string): string[] =>
  word === '' || new RegExp(word, 'i').test(said) ? [] : [`nothing is said of /${word}/`];

function judgeCounts(cell: Cell, truths: readonly Truth[], found: readonly number[]): string[] {
  const wanted = Array<number>(cell.num_classes).fill(0);
  for (const { classes } of truths) for (const value of classes) if (value >= 0) wanted[value]! += 1;
  return `${wanted}` === `${found}` ? [] : [`class counts are ${shortened(found)} and should be ${wanted}`];
}

const shortened = (counts: readonly number[]): string =>
  counts.length > 8 ? `${counts.slice(0, 8)},… (${counts.length} classes)` : `${counts}`;

function judgeSamples(cell: Cell, truths: readonly Truth[], found: readonly LookedSample[]): string[] {
  if (found.length !== truths.length) return [`${found.length} samples instead of ${truths.length}`];
  const at = cell.args.indexOf('--ignore-index');
  const ignored = at < 0 ? [] : ignoredValues(cell.args[at + 1]!);
  // What is left out is no class, or has the number that the command line gives.
  const isRight = (label: number, wanted: number) =>
    wanted < 0 ? label < 0 || label >= cell.num_classes || ignored.includes(label) : label === wanted;
  const faults = new Set<string>();
  found.forEach((sample, i) => {
    const truth = truths[i]!;
    if (sample.width !== truth.width || sample.height !== truth.height) {
      faults.add(`${sample.width} x ${sample.height} pixels instead of ${truth.width} x ${truth.height}`);
    } else if (!sample.labels.every((label, at) => isRight(label, truth.classes[at]!))) {
      faults.add('pixels have the wrong class');
    }
  });
  return faults.size > 0 ? [...faults] : judgePixels(cell, truths, found);
}

function judgePixels(cell: Cell, truths: readonly Truth[], found: readonly LookedSample[]): string[] {
  const { channels, range, tolerance } = cell.photo;
  const pairs = found.flatMap((sample, i) => pixelPairs(sample, truths[i]!, channels));
  const fit = range === 'auto' ? fitted(pairs) : { scale: 1 / (range[1] - range[0]), low: range[0] };
  let worst = 0;
  for (const [seen, unit] of pairs) {
    const wanted = Math.min(1, Math.max(0, (unit - fit.low) * fit.scale));
    worst = Math.max(worst, Math.abs(seen - wanted));
  }
  const faults: string[] = [];
  if (!(worst <= allowed(cell, tolerance)))
    faults.push(`pixels differ by up to ${worst.toFixed(4)} of the range`);
  const seen = pairs.map(([value]) => value);
  const spread = Math.max(...seen) - Math.min(...seen);
  if (range === 'auto' && spread < 0.25)
    faults.push(`the photos have ${spread.toFixed(4)} of the model's range`);
  return faults;
}

/** From colours to grey there are several right ways; they differ by less than this. */
const allowed = (cell: Cell, tolerance: number): number =>
  (cell.photo.channels === 1 ? Math.max(tolerance, 0.08) : tolerance) + 1e-4;

/** What the model sees beside the number in the file, for each value. */
function pixelPairs(sample: LookedSample, truth: Truth, channels: number): [number, number][] {
  const pairs: [number, number][] = [];
  const numPixels = truth.width * truth.height;
  const own = truth.photoChannels;
  // Alpha is the reader's: the generator speaks of colours alone.
  for (let pixel = 0; pixel < numPixels; pixel++) {
    for (let channel = 0; channel < Math.min(channels, 3); channel++) {
      const seen = sample.images[pixel * sample.channels + channel]!;
      const at = pixel * own;
      const unit =
        channels === 1 && own >= 3
          ? 0.2126 * truth.photo[at]! + 0.7152 * truth.photo[at + 1]! + 0.0722 * truth.photo[at + 2]!
          : truth.photo[at + Math.min(channel, own - 1)]!;
      pairs.push([seen, unit]);
    }
  }
  return pairs;
}

/** The one straight line from numbers to what is seen, over the whole set and without what was cut off at either end. */
function fitted(pairs: readonly [number, number][]): { scale: number; low: number } {
  const between = pairs.filter(([seen]) => seen > 0.004 && seen < 0.996);
  // A picture of black and white alone has nothing in between.
  const inside = between.length > 0 ? between : pairs;
  const n = inside.length;
  const meanSeen = inside.reduce((sum, [seen]) => sum + seen, 0) / n;
  const meanUnit = inside.reduce((sum, [, unit]) => sum + unit, 0) / n;
  let both = 0;
  let alone = 0;
  for (const [seen, unit] of inside) {
    both += (seen - meanSeen) * (unit - meanUnit);
    alone += (unit - meanUnit) ** 2;
  }
  const scale = alone === 0 ? 0 : both / alone;
  return { scale, low: scale === 0 ? 0 : meanUnit - meanSeen / scale };
}
