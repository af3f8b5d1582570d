/** Names the right spelling for a wrong one: what stands behind every "did you mean". */

import { printable, UserError } from '@unet-fleet/law';
import { closest, distance } from 'fastest-levenshtein';

/** Nobody misspells a name into this many characters. */
const maxNameLength = 100;

/** The known name nearest to `name`, or null when none is near enough to be what was meant. */
export function nearestName(name: string, known: readonly string[]): string | null {
  if (known.length === 0 || name.length > maxNameLength) return null;
  const best = closest(name, known);
  return distance(name, best) <= Math.max(2, Math.floor(name.length / 3)) ? best : null;
}

/** "; did you mean --batch-size?", or '' when nothing is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const best = nearestName(name, known);
  return best === null ? '' : `; did you mean ${best}?`;
}

/** The error for an option that there is none of. */
export const unknownOption = (flag: string, known: readonly string[]): UserError =>
  new UserError(`unknown option ${printable(flag, 100)}${didYouMean(flag, known) || '; --help lists them'}`);
