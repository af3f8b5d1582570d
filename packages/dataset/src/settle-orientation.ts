/**
 * Whether photos are turned by their EXIF orientation, where nobody has said it (--orientation auto). Cameras write it;
 * masks are drawn on the upright photo by programs that turn it, and on the stored pixels by those that do not. Pure: the
 * sizes of photos and masks decide, or only a person can.
 */
import { counted } from '@unet-fleet/law';
import { listSome } from './dataset.ts';
import type { Size } from './types.ts';

interface Stored extends Size {
  orientation: number;
}

export interface OrientedPair {
  id: string;
  photo: Stored;
  mask: Stored;
}

export interface SettledOrientation {
  orientation: 'photo' | 'stored';
  note: string | null;
  /** Why there is no telling, with the option that says it: training stops. */
  fault: string | null;
}

/** Size as stored, or upright. */
export function sizeFor(orientation: 'photo' | 'stored', { width, height, orientation: own }: Stored): Size {
  return orientation === 'photo' && own >= 5 ? { width: height, height: width } : { width, height };
}

const isSame = (a: Size, b: Size): boolean => a.width === b.width && a.height === b.height;

type Vote = 'photo' | 'stored' | 'either' | 'neither';

function voteOf({ photo, mask }: OrientedPair): Vote {
  const upright = isSame(sizeFor('photo', photo), sizeFor('photo', mask));
  // A mask that says how it is to be turned was made with its photo's orientation in mind.
  if (mask.orientation !== 1) return upright ? 'photo' : 'neither';
  const stored = isSame(photo, mask);
  if (upright && stored) return 'either';
  return upright ? 'photo' : stored ? 'stored' : 'neither';
}

const turns: Record<number, string> = {
  2: 'mirrored',
  3: 'turned by 180 degrees',
  4: 'upside down',
  5: 'mirrored and turned',
  6: 'turned by 90 degrees',
  7: 'mirrored and turned',
  8: 'turned by 270 degrees',
};

export function settleOrientation(pairs: readonly OrientedPair[]): SettledOrientation {
  const oriented = pairs.filter(({ photo }) => photo.orientation !== 1);
  const ids: Record<Vote, string[]> = { photo: [], stored: [], either: [], neither: [] };
  for (const pair of oriented) ids[voteOf(pair)].push(pair.id);
  const carry = `${counted(oriented.length, 'photo')} ${oriented.length === 1 ? 'carries' : 'carry'} an EXIF orientation`;
  if (ids.photo.length > 0 && ids.stored.length > 0) {
    return {
      orientation: 'photo',
      note: null,
      fault: `${carry}; the masks of some (${listSome(ids.photo)}) have the size of the upright photo, those of others (${listSome(ids.stored)}) that of the stored pixels: turn the latter, or leave out one kind with --orientation photo or stored and --wrong-masks skip.`,
    };
  }
  if (ids.stored.length > 0) {
    return {
      orientation: 'stored',
      note: `${carry}, and the size of their masks is that of the stored pixels: photos are taken as stored, not turned (--orientation stored).`,
      fault: null,
    };
  }
  if (ids.photo.length > 0) {
    return {
      orientation: 'photo',
      note: `${carry}, and their masks lie as the upright photo does: photos are turned (--orientation photo).`,
      fault: null,
    };
  }
  const [first] = oriented.filter(({ id }) => ids.either.includes(id));
  if (first === undefined) return { orientation: 'photo', note: turnedMasksNote(pairs), fault: null };
  return {
    orientation: 'photo',
    note: null,
    fault: `${carry} (${first.id}: ${turns[first.photo.orientation]}), and the size of their masks does not tell how they lie: say --orientation photo if the masks were drawn on the upright photo, --orientation stored if on the pixels as they are stored.`,
  };
}

/** Masks that alone say how they are to be turned: told, as not every program heeds it. */
function turnedMasksNote(pairs: readonly OrientedPair[]): string | null {
  const alone = pairs.filter(({ photo, mask }) => photo.orientation === 1 && mask.orientation !== 1);
  const [first] = alone;
  if (first === undefined) return null;
  return `${counted(alone.length, 'mask')} (such as that of ${first.id}: ${turns[first.mask.orientation]}) ${alone.length === 1 ? 'carries' : 'carry'} an orientation that the photos do not: masks are turned by it (--orientation stored takes all as they are stored).`;
}
