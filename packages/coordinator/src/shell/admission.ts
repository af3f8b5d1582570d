/**
 * Who may work for the run: workers with the same data and the same engine, because both are part of what the result
 * is a function of.
 */
import type { fingerprintSchema, UpMessage } from '@unet-fleet/shared';
import type { z } from 'zod';

export type Fingerprint = z.infer<typeof fingerprintSchema>;
type Ready = Extract<UpMessage, { type: 'ready' }>;

export interface Admission {
  numSamples: number;
  manifestSha256: string;
  /** Of the run; null until its first worker has brought one. */
  fingerprint: Fingerprint | null;
  allowMixedEngines: boolean;
}

/** Why the worker is refused, as a sentence; null when it is welcome. */
export function refusalOf(ready: Ready, run: Admission): string | null {
  if (ready.manifestSha256 !== run.manifestSha256) {
    return (
      `worker ${ready.name} has other data than the run (${describe(ready)}; the run has ${describe(run)}): ` +
      'give it --images and --masks with the same files'
    );
  }
  if (!run.fingerprint || run.allowMixedEngines) return null;
  const differing = (Object.keys(run.fingerprint) as (keyof Fingerprint)[]).filter(
    (key) => ready.fingerprint[key] !== run.fingerprint![key],
  );
  if (differing.length === 0) return null;
  const differences = differing.map(
    (key) => `${key} ${ready.fingerprint[key]}, the run's is ${run.fingerprint![key]}`,
  );
  return (
    `worker ${ready.name} has another engine than the run (${differences.join('; ')}), which would change the result: ` +
    'use the same kind of machine, or give the coordinator --allow-mixed-engines and lose reproducibility'
  );
}

const describe = ({ numSamples, manifestSha256 }: { numSamples: number; manifestSha256: string }): string =>
  `${numSamples} samples, hash ${manifestSha256.slice(0, 12)}`;
