/**
 * What the photos of a set are, as the report tells it and the run keeps it: whether they are turned, which values become
 * 0 to 1, which of them cannot be read with the options that are set, and all that a person would not expect. Pure.
 */
import { counted, type DataConfig } from '@unet-fleet/law';
import type { PairFinding } from './pages.ts';
import { photoProblem } from './readers/photo.ts';
import type { PictureFacts } from './readers/picture-facts.ts';
import type { PhotoFacts } from './scan-cache.ts';
import { type OrientedPair, type SettledOrientation, settleOrientation } from './settle-orientation.ts';
import { type PhotoValues, type SettledRange, settleRange } from './settle-range.ts';

/** A photo of channels or values that the options do not fit is none that can be read. */
export function withPhotoProblems(findings: readonly PairFinding[], data: DataConfig): PairFinding[] {
  return findings.map((finding) => {
    if ('error' in finding.photo) return finding;
    const problem = photoProblem(finding.photo.ok, data);
    return problem === null ? finding : { ...finding, photo: { error: problem } };
  });
}

/** What is said stands. */
export function orientationOf(
  { orientation }: Pick<DataConfig, 'orientation'>,
  pairs: readonly OrientedPair[],
): SettledOrientation {
  if (orientation !== 'auto') return { orientation, note: null, fault: null };
  return settleOrientation(pairs);
}

export function rangeOf(
  { valueRange }: Pick<DataConfig, 'valueRange'>,
  photos: readonly PhotoValues[],
): SettledRange {
  if (valueRange !== 'auto') return { valueRange, note: null, fault: null };
  return settleRange(photos);
}

/** One sentence for each thing about the photos that their names do not say. */
export function toldOfPhotos(
  findings: readonly PairFinding[],
  { channels }: DataConfig,
): { notes: string[]; warnings: string[] } {
  const pages = findings.filter(({ numPages }) => numPages > 1);
  const first = pages[0]?.pair.id;
  const numStacks = pages.filter(({ page }) => page === 0).length;
  const stacks =
    first === undefined
      ? []
      : [
          `${counted(numStacks, 'photo')} ${numStacks === 1 ? 'is a stack' : 'are stacks'} of pages: each of the ${pages.length} pages is a sample of its own (${first} and so on).`,
        ];
  const photos = findings.flatMap(({ pair, photo }) =>
    'ok' in photo ? [{ name: pair.photo, facts: photo.ok }] : [],
  );
  const unnamed = noteOf(
    photos,
    isUnnamedColour,
    (some) =>
      `${some} 3 channels that no tag gives a colour: they are taken as red, green and blue, in this order.`,
  );
  const leftOut = noteOf(
    photos,
    (facts) => channels !== 4 && facts.meaning === 'rgb' && facts.numExtra > Number(facts.hasAlpha),
    (some) => `${some} channels beside red, green and blue, which --channels ${channels} leaves out.`,
  );
  const noData = noteOf(
    photos,
    ({ numNoData }) => numNoData > 0,
    (some) => `${some} pixels without data (GDAL's nodata): they count in no range, and are black.`,
  );
  return { notes: [...stacks, ...unnamed, ...noData], warnings: leftOut };
}

const isUnnamedColour = ({ meaning, channels, numExtra }: PictureFacts): boolean =>
  meaning === 'bands' && channels - numExtra === 3;

function noteOf(
  photos: readonly { name: string; facts: PhotoFacts }[],
  isMeant: (facts: PhotoFacts) => boolean,
  sentence: (some: string) => string,
): string[] {
  const found = photos.filter(({ facts }) => isMeant(facts));
  const [first] = found;
  if (first === undefined) return [];
  return [
    sentence(
      `${counted(found.length, 'photo')} (such as ${first.name}) ${found.length === 1 ? 'has' : 'have'}`,
    ),
  ];
}
