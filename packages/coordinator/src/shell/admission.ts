/**
 * Who may work for the run: workers of the same version of unet-fleet, with the same data and the same engine, because
 * all three are part of what the result is a function of.
 */
import { engineDifferences, type Fingerprint, type joinRequest, type UpMessage } from '@unet-fleet/wire';
import { protocolVersion } from '@unet-fleet/wire/protocol/messages';
import type { z } from 'zod';

type Ready = Extract<UpMessage, { type: 'ready' }>;

export interface Admission {
  numSamples: number;
  manifestSha256: string;
  /** Of the run; null until its first worker has brought one. */
  fingerprint: Fingerprint | null;
  allowMixedEngines: boolean;
}

type Request = z.infer<typeof joinRequest>;

/** Why a worker (or `what` it is) of this version is refused, as a sentence; null when it is of this one. */
export function refusalOfVersion(
  { name, protocolVersion: spoken, softwareVersion }: Request,
  ownVersion: string,
  what = 'worker',
): string | null {
  const remedy = 'install the same version of unet-fleet on both';
  if (spoken !== protocolVersion) {
    return `${what} ${name} speaks protocol ${spoken} (unet-fleet ${softwareVersion}) but the coordinator speaks ${protocolVersion} (unet-fleet ${ownVersion}): ${remedy}`;
  }
  if (softwareVersion === ownVersion) return null;
  return `${what} ${name} is of unet-fleet ${softwareVersion} but the coordinator is of ${ownVersion}: ${remedy}`;
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
  const differing = engineDifferences(run.fingerprint, ready.fingerprint);
  if (differing.length === 0) return null;
  const differences = differing.map(({ part, ofRun, other }) => `${part} ${other}, the run's is ${ofRun}`);
  return (
    `worker ${ready.name} has another engine than the run (${differences.join('; ')}), which would change the result: ` +
    'use the same kind of machine, or give the coordinator --allow-mixed-engines and lose reproducibility'
  );
}

const describe = ({ numSamples, manifestSha256 }: { numSamples: number; manifestSha256: string }): string =>
  `${numSamples} samples, hash ${manifestSha256.slice(0, 12)}`;
