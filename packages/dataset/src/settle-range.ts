/**
 * Which values of the photos become 0 to 1, where nobody has said it (--value-range auto). Pure: from the types and the
 * values of the whole set to one range, which the run keeps, so that no worker and no later command has to look again.
 */

import { formatValueRange, type ValueType } from '@unet-fleet/config';
import { counted } from '@unet-fleet/law';
import { valueType } from './readers/photo.ts';
import type { PictureFacts } from './readers/picture-facts.ts';

export interface SettledRange {
  valueRange: string;
  note: string | null;
  /** Why there is no one range, with the options that say it: training stops. */
  fault: string | null;
}

export interface PhotoValues extends Pick<PictureFacts, 'kind' | 'meaning' | 'low' | 'high' | 'hasValues'> {
  /** The file's name. */
  photo: string;
}

export function settleRange(photos: readonly PhotoValues[]): SettledRange {
  const byType = new Map<ValueType, PhotoValues[]>();
  for (const photo of photos) {
    const type = valueType(photo);
    byType.set(type, [...(byType.get(type) ?? []), photo]);
  }
  const [first, ...others] = byType;
  if (first === undefined) return { valueRange: 'auto', note: null, fault: null };
  if (others.length > 0) {
    const kinds = [...byType].map(
      ([type, some]) => `${counted(some.length, 'photo')} of ${type}, such as ${some[0]?.photo}`,
    );
    return {
      valueRange: 'auto',
      note: null,
      fault: `Photos have values of several types (${kinds.join('; ')}), for which there is no one range: say --value-range type if each fills the range of its type, --value-range LOW..HIGH if all have one scale, or convert them to one type.`,
    };
  }
  const [type, some] = first;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const photo of some.filter(({ hasValues }) => hasValues))
    [low, high] = [Math.min(low, photo.low), Math.max(high, photo.high)];
  if (type === 'uint8')
    return { valueRange: formatValueRange({ low: 0, high: 255, type }), note: null, fault: null };
  const found = `Photos hold ${type} values from ${low} to ${high}`;
  if (low === high) {
    return {
      valueRange: 'auto',
      note: null,
      fault: `${found}, which is one value alone: there is nothing to see in them; check --images, or say what is black and what is white with --value-range LOW..HIGH.`,
    };
  }
  const isUnit = type === 'float' && low >= 0 && high <= 1;
  const range = isUnit ? { low: 0, high: 1 } : { low, high };
  return {
    valueRange: formatValueRange({ ...range, type }),
    note: `${found}: ${range.low} becomes black and ${range.high} white (--value-range ${range.low}..${range.high}).`,
    fault: null,
  };
}
