/** What the scan keeps of a picture beside its pixels, to tell a person and to settle options by; and how it is told. */
import { noDataTest, type Picture } from './picture.ts';

export type PictureFacts = Pick<
  Picture,
  | 'container'
  | 'width'
  | 'height'
  | 'channels'
  | 'kind'
  | 'bits'
  | 'meaning'
  | 'numExtra'
  | 'hasAlpha'
  | 'orientation'
  | 'isLossy'
> & {
  /** Least and greatest finite value of the channels but alpha; of a palette its indices. */
  low: number;
  high: number;
  numNotFinite: number;
  /** Values that stand for no data; they are in neither of the above. */
  numNoData: number;
  /** Whether there is any other. */
  hasValues: boolean;
};

export function factsOf(picture: Picture): PictureFacts {
  const { values, channels, numExtra, hasAlpha } = picture;
  const numValues = hasAlpha ? channels - numExtra : channels;
  const isNoData = noDataTest(picture);
  let [low, high, numNotFinite, numNoData] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (let at = 0; at < values.length; at += channels) {
    for (let c = 0; c < numValues; c++) {
      const value = Number(values[at + c]);
      if (isNoData(value)) numNoData++;
      else if (!Number.isFinite(value)) numNotFinite++;
      else {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
  }
  const { container, width, height, kind, bits, meaning, orientation, isLossy } = picture;
  const what = { container, width, height, channels, kind, bits, meaning, numExtra, hasAlpha };
  // Infinity has no place in JSON, which the scan's cache is.
  const range = low > high ? { low: 0, high: 0 } : { low, high };
  return { ...what, orientation, isLossy, ...range, numNotFinite, numNoData, hasValues: low <= high };
}

const names: Record<PictureFacts['kind'], string> = {
  u1: 'uint8',
  i1: 'int8',
  u2: 'uint16',
  i2: 'int16',
  u4: 'uint32',
  i4: 'int32',
  u8: 'uint64',
  i8: 'int64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};

/** "tiff, uint16, grey", "png, 4 bits, palette", "jpeg, uint8, rgb and alpha" */
export function describePicture({
  container,
  kind,
  bits,
  channels,
  meaning,
  numExtra,
  hasAlpha,
}: Pick<
  PictureFacts,
  'container' | 'kind' | 'bits' | 'channels' | 'meaning' | 'numExtra' | 'hasAlpha'
>): string {
  const type = bits === 8 * Number(kind[1]) ? names[kind] : `${bits} bit${bits === 1 ? '' : 's'}`;
  const numColors = channels - numExtra;
  const colours = {
    grey: 'grey',
    inverted: 'grey with 0 for white',
    rgb: 'rgb',
    palette: 'palette',
    bands: `${numColors} bands`,
    numbers: 'one channel',
  }[meaning];
  const more = numExtra - Number(hasAlpha);
  const extra = [hasAlpha ? 'alpha' : '', more > 0 ? `${more} more` : ''].filter((part) => part !== '');
  return [container, type, [colours, ...extra].join(' and ')].join(', ');
}
