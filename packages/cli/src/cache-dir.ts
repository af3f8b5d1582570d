/** The user's cache: what can be made again, shared by all clones and runs. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Io } from './io.ts';

/** XDG_CACHE_HOME, or ~/.cache, as the XDG base directory specification says. */
export const cacheDirOf = ({ env }: Io): string =>
  join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'unet-fleet');
