/** Figures as a report writes them. Pure; times are UTC, for a reader anywhere. */
export { bytes, compact, counted, duration, shortTime, whole } from '@unet-fleet/law';

/** "2026-11-23 08:37:25 UTC". */
export const moment = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;

export const momentOfMs = (ms: number): string => moment(new Date(ms).toISOString());

/** Of a share between 0 and 1: "81.3 %", which no line breaks; "–" for none. */
export const percent = (share: number | null, digits = 1): string =>
  share === null ? '–' : `${(100 * share).toFixed(digits)}\u00a0%`;

/** Of a score between 0 and 1: "0.813"; "–" for none. */
export const score = (value: number | null): string => (value === null ? '–' : value.toFixed(3));

/** "a, b and c". */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
