/**
 * One at a time, for work that is slow rather than dangerous: results are put in place by a rename, so a lock that is
 * lost or taken from a holder that only slept costs a second download and nothing else. Not proper-lockfile, whose last
 * version is of 2021: it knows a dead holder by its age alone, so whoever comes after a kill would wait for that.
 */
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atExit, cacheError, isAlive, isErrno, makeFolder } from '@unet-fleet/shared';

const heartbeatMs = 2000;
const staleAfterMs = 20_000;
const retryMs = 100;

/**
 * Runs `work` while nobody else is inside the lock `${path}.lock`. A lock is taken over when its holder's process has
 * ended or it was not refreshed for a while.
 * @param onWait called once, if there is another to wait for
 */
export async function whileAlone<T>(path: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const mine = `${hostname()} ${process.pid} ${randomUUID()}`;
  try {
    makeFolder(dirname(lock));
    for (let attempt = 0; !tryLock(lock, mine); attempt++) {
      if (attempt === 0) onWait();
      await sleep(retryMs);
    }
  } catch (error) {
    throw cacheError(error, dirname(lock));
  }
  const heartbeat = setInterval(() => refresh(lock, mine), heartbeatMs);
  heartbeat.unref();
  const leave = () => {
    if (textOf(lock) === mine) rmSync(lock, { force: true });
  };
  const isDone = atExit(leave);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    isDone();
    leave();
  }
}

/** Linked rather than created, so that nobody ever sees a lock without its holder's name. */
function tryLock(lock: string, mine: string): boolean {
  removeIfStale(lock);
  const temporary = `${lock}.${randomUUID()}`;
  writeFileSync(temporary, mine);
  try {
    linkSync(temporary, lock);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function removeIfStale(lock: string): void {
  const status = statSync(lock, { throwIfNoEntry: false });
  if (status === undefined) return;
  const [host, pid] = textOf(lock).split(' ');
  const hasEnded = host === hostname() && !isAlive(Number(pid));
  if (hasEnded || Date.now() - status.mtimeMs > staleAfterMs) rmSync(lock, { force: true });
}

function refresh(lock: string, mine: string): void {
  try {
    if (textOf(lock) === mine) utimesSync(lock, new Date(), new Date());
  } catch {
    // Taken over and gone: see the header for why that is no harm.
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
