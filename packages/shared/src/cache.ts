/**
 * The user's cache, shared by all clones. What it keeps true: what has its final name there is complete, because it
 * was made under a temporary one and renamed. Two processes that make the same thing at once therefore do no harm.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { exitCodes, UserError } from '@unet-fleet/law';
import { atExit } from './at-exit.ts';
import { makeFolder } from './folders.ts';
import { explained, isErrno, isSystemError } from './system-error.ts';

/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * $UNET_FLEET_CACHE, or unet-fleet in $XDG_CACHE_HOME, or ~/.cache/unet-fleet. Throws a UserError for a user without a
 * home folder: programs are loaded from the cache, so it must not be a place that anybody may write.
 */
export function cacheFolder(env: Environment = process.env): string {
  if (env.UNET_FLEET_CACHE) return resolve(env.UNET_FLEET_CACHE);
  // The XDG specification: a relative path is to be ignored. An empty HOME is none.
  if (isAbsolute(env.XDG_CACHE_HOME ?? '')) return join(env.XDG_CACHE_HOME!, 'unet-fleet');
  const home = isAbsolute(env.HOME ?? '') ? env.HOME! : registeredHome();
  return join(home, '.cache', 'unet-fleet');
}

/** As the system has it of this user. */
function registeredHome(): string {
  try {
    const { homedir } = userInfo();
    if (isAbsolute(homedir)) return homedir;
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
  throw new UserError(
    'this user has no home folder, as HOME is not set and /etc/passwd has none: set UNET_FLEET_CACHE to a folder that only this user may write',
  );
}

/**
 * Where engine and broker lie: $UNET_FLEET_ENGINE, or the cache. In a container image they are part of the image, whose
 * files cannot be written, while the cache is a volume.
 */
export function engineFolder(env: Environment = process.env): string {
  return env.UNET_FLEET_ENGINE ? resolve(env.UNET_FLEET_ENGINE) : cacheFolder(env);
}

const leftoverAgeMs = 3600_000;
const temporaryPattern = /^tmp-(.+)-(\d+)-[0-9a-f]{8}$/;

/**
 * Makes `path` by `make`, which gets a temporary folder to fill; what a dead process left of an earlier try is removed.
 * @throws UserError if the cache cannot be written or its disk is full
 */
export async function makeAtomically(
  path: string,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(path);
  const temporary = join(parent, `tmp-${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`);
  const remove = () => rmSync(temporary, { recursive: true, force: true });
  const isDone = atExit(remove);
  try {
    makeFolder(parent);
    removeLeftovers(parent);
    mkdirSync(temporary);
    await make(temporary);
    rmSync(path, { recursive: true, force: true });
    replace(temporary, path);
  } catch (error) {
    throw cacheError(error, parent);
  } finally {
    isDone();
    remove();
  }
}

function replace(temporary: string, path: string): void {
  try {
    renameSync(temporary, path);
  } catch (error) {
    // Another process was first: its result is as good.
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}

/** A failed write as a sentence; other errors as they are. */
export const cacheError = (error: unknown, folder: string): unknown =>
  explained(error, {
    what: 'the cache',
    path: folder,
    instead: 'or point UNET_FLEET_CACHE to another folder',
  });

function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const match = temporaryPattern.exec(name);
    if (!match || match[1] !== hostname() || isAlive(Number(match[2]))) continue;
    // A container may have this host's name and process numbers of its own: what is young may be in use.
    const ageMs = Date.now() - (statSync(join(parent, name), { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (ageMs > leftoverAgeMs) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isErrno(error, 'EPERM');
  }
}

export type Statfs = (path: string) => { bavail: number; bsize: number };

/**
 * Free bytes of the disk that `path` is or will be on.
 */
export function freeBytes(path: string, statfs: Statfs = statfsSync): number {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = statfs(folder);
      return bavail * bsize;
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR') || folder === dirname(folder)) throw error;
    }
  }
}

/** @throws UserError if fewer than `neededBytes` are free where `path` is */
export function requireDisk(path: string, neededBytes: number, what: string, statfs?: Statfs): void {
  const free = freeBytes(path, statfs);
  if (free >= neededBytes) return;
  throw new UserError(
    `${what} needs ${gigabytes(neededBytes)} GB in ${path} and ${gigabytes(free)} GB are free: free some space, or point UNET_FLEET_CACHE to another disk`,
    exitCodes.unavailable,
  );
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(bytes < 1e8 ? 3 : 1);
