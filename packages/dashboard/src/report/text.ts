/** Figures as a report writes them. Pure; times are UTC, for a reader anywhere. */
import { duration } from '@unet-fleet/law';

export { compact, counted, duration, whole } from '@unet-fleet/law';

/** A part of a step: "3.4 ms", "340 ms", "1.2 s", "1m 05s". */
export function shortTime(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : duration(ms);
}

/** "2026-11-23 08:37:25 UTC". */
export const moment = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;

export const momentOfMs = (ms: number): string => moment(new Date(ms).toISOString());

/** Of a share between 0 and 1: "81.3 %", which no line breaks; "–" for none. */
export const percent = (share: number | null, digits = 1): string =>
  share === null ? '–' : `${(100 * share).toFixed(digits)}\u00a0%`;

/** Of a score between 0 and 1: "0.813"; "–" for none. */
export const score = (value: number | null): string => (value === null ? '–' : value.toFixed(3));

/** 1_240_000 -> "1.2 MB". */
export function bytes(value: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  const scaled = value / 1_000 ** power;
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${units[power]}`;
}

/** "a, b and c". */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
