/**
 * When two engines count as one: every part on which the bits of a leaf depend is the same. What it keeps true: a part
 * that a run's record lacks, as it was made by a version before, is not compared, and nothing else is left out. Where
 * there was one choice alone before the part was recorded, a record that lacks it is of that choice.
 */
import type { z } from 'zod';
import type { fingerprintSchema } from './messages.ts';

export type Fingerprint = z.infer<typeof fingerprintSchema>;

const every: Record<keyof Fingerprint, true> = {
  ...{ library: true, device: true, intraOpThreads: true },
  ...{ decoder: true, settings: true, precision: true },
};
const parts = Object.keys(every) as (keyof Fingerprint)[];

/** What engines had before there was a choice. */
const onlyChoice: Partial<Fingerprint> = { precision: 'float32' };
const recorded = (fingerprint: Fingerprint, part: keyof Fingerprint) => fingerprint[part] ?? onlyChoice[part];

export interface EngineDifference {
  part: keyof Fingerprint;
  /** "none" for an empty text. */
  ofRun: string;
  other: string;
}

const shown = (value: string | number | undefined): string =>
  value === '' ? 'none' : value === undefined ? 'unknown' : String(value);

/** In what an engine differs from the run's; empty where both give the same bits. */
export const engineDifferences = (ofRun: Fingerprint, other: Fingerprint): EngineDifference[] =>
  parts
    .map((part) => ({ part, ofRun: recorded(ofRun, part), other: recorded(other, part) }))
    .filter(({ ofRun, other }) => ofRun !== undefined && ofRun !== other)
    .map(({ part, ofRun, other }) => ({ part, ofRun: shown(ofRun), other: shown(other) }));

/** Parts that the record of an engine lacks. */
export const unrecordedParts = (fingerprint: Fingerprint): (keyof Fingerprint)[] =>
  parts.filter((part) => recorded(fingerprint, part) === undefined);

/** `engines` with a newly met one: added, or in the place of a record of it that lacks parts. */
export function withEngine(engines: readonly Fingerprint[], met: Fingerprint): Fingerprint[] {
  const known = engines.findIndex((engine) => engineDifferences(engine, met).length === 0);
  return known < 0 ? [...engines, met] : engines.with(known, met);
}
