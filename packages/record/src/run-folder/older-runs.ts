/** What a person should know of a run that another version of unet-fleet has made. Each is a sentence, or null. */
import { type Fingerprint, unrecordedParts } from '@unet-fleet/wire';

/** The bits on record hold from version to version, but nobody has tried this pair: it is said, and not refused. */
export function otherVersionNote(versions: Record<string, string>, own: string): string | null {
  const maker = versions['unet-fleet'];
  if (maker === undefined || maker === own) return null;
  return `the run was made by unet-fleet ${maker}, and this is ${own}: where CHANGELOG.md names a change of the bits, they are not those of either alone`;
}

export function unrecordedNote(engines: readonly Fingerprint[]): string | null {
  const lacking = [...new Set(engines.flatMap(unrecordedParts))];
  if (lacking.length === 0) return null;
  return `the run's record of its engine lacks ${lacking.join(' and ')}, which are not compared with it`;
}
