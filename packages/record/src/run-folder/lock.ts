/**
 * The lock on a run's folder, and its term. What it keeps true: at most one live coordinator works on a run, and each
 * start has a higher term than any before, so that answers to a dead coordinator can be told from current ones.
 *
 * Each term is a file `terms/term-000007.json`, created exclusively by the coordinator that takes it; the highest one
 * is the lock. Nobody ever deletes the lock of another to take it over: whoever finds it released or its holder dead
 * creates the next higher one, which only one of several can do. A holder on the same machine is dead when its process
 * is; one elsewhere, when its heartbeat (a write, so that the file server's clock counts) has stopped.
 *
 * A holder that was stopped for longer than that may come back and not know. So whoever writes into the run folder
 * asks right before (`assertTermHeld`): the files of an overtaken term stay as they are.
 *
 * Locks of libraries, such as proper-lockfile, have no terms, and take a dead holder's lock over by deleting it.
 */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { exitCodes, UserError } from '@unet-fleet/law';
import { atExit, explained, makeFolder } from '@unet-fleet/shared';
import { z } from 'zod';
import { realFiles, syncFolder } from '../checkpoint/files.ts';
import { type ProcessIdentity, processIsAlive, thisProcess } from './process-identity.ts';

export interface RunLock {
  /** Counts from 1; raised at each start. */
  readonly term: number;
  /** Whether no later coordinator has taken over; if one has, `onLost` is called before this returns. */
  isHeld(): boolean;
  /** Ends the term; the file stays, so that the next one is higher. */
  release(): void;
  /** Ends the term of a run that never began: a folder that holds nothing but this lock holds nothing afterwards. */
  abandon(): void;
}

export interface RunLockOptions {
  /** Another coordinator has taken the run over: this one must stop at once and write nothing more. */
  onLost?: () => void;
  heartbeatMs?: number;
  /** Age of a heartbeat at which a holder on another machine is taken for dead. */
  deadAfterMs?: number;
}

interface Holder extends ProcessIdentity {
  term: number;
  released: boolean;
}

/** People copy run folders: what is no holder is nobody of whom anything is known. */
const holderSchema: z.ZodType<Holder> = z.object({
  pid: z.number().int().positive(),
  host: z.string(),
  startTicks: z.string(),
  pidNamespace: z.string(),
  term: z.number().int(),
  released: z.boolean(),
});

const defaultHeartbeatMs = 3_000;
const defaultDeadAfterMs = 30_000;
const termPattern = /^term-(\d{6,})\.json$/;
/** One length for all contents: they are overwritten in place, and a reader never sees half of one. */
const contentBytes = 1024;

const termPath = (folder: string, term: number): string =>
  join(folder, `term-${String(term).padStart(6, '0')}.json`);

const encodeHolder = (holder: Holder): string => `${JSON.stringify(holder).padEnd(contentBytes - 1)}\n`;

const termsFolder = (runFolder: string): string => join(runFolder, 'terms');

/** The end of a coordinator that finds another one in its place. */
export const lockLost = (runFolder: string): UserError =>
  new UserError(
    `another coordinator has taken over the run in ${runFolder}: this one stops`,
    exitCodes.unavailable,
  );

/**
 * Whether no later term was taken. One that can't be told has none: a folder that was removed or can't be read has
 * nothing in it that could be spoilt.
 */
function isNewest(folder: string, term: number): boolean {
  try {
    return (listTerms(folder).at(-1) ?? 0) <= term;
  } catch {
    return true;
  }
}

/** Throws `lockLost` if a later term was taken. For threads, which have no lock of their own. */
export function assertTermHeld(runFolder: string, term: number): void {
  if (!isNewest(termsFolder(runFolder), term)) throw lockLost(runFolder);
}

/** Terms that were taken, rising. */
const listTerms = (folder: string): number[] =>
  readdirSync(folder)
    .flatMap((name) => {
      const digits = termPattern.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    })
    .sort((a, b) => a - b);

/** Age of the last write to a file, by the clock of the file system that holds it. */
function ageMs(folder: string, path: string): number {
  const probe = join(folder, `.now-${randomUUID()}`);
  writeFileSync(probe, '');
  const nowMs = statSync(probe).mtimeMs;
  rmSync(probe, { force: true });
  return nowMs - statSync(path).mtimeMs;
}

/** Throws a UserError if the coordinator that has this term may be alive. */
function assertFree(folder: string, term: number, deadAfterMs: number): void {
  const path = termPath(folder, term);
  let holder: Holder | null;
  try {
    holder = holderSchema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data ?? null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    // Created this moment and not yet written, or left so by a crash: its age decides.
    holder = null;
  }
  if (holder?.released) return;
  const alive = holder === null ? null : processIsAlive(holder);
  if (alive === false) return;
  const silentMs = ageMs(folder, path);
  if (alive === null && silentMs > deadAfterMs) return;
  const who = holder === null ? 'Another coordinator' : `Process ${holder.pid} on ${holder.host}`;
  const remedy =
    alive === null
      ? `stop it; if it is gone already, try again in ${Math.ceil((deadAfterMs - silentMs) / 1000)} s`
      : 'stop it, or choose another --run-dir';
  throw new UserError(`${who} is training in ${join(folder, '..')}: ${remedy}.`, exitCodes.unavailable);
}

function createTerm(folder: string, term: number): number | null {
  try {
    const file = openSync(termPath(folder, term), 'wx');
    writeSync(file, encodeHolder({ term, ...thisProcess(), released: false }), 0);
    fsyncSync(file);
    syncFolder(folder, realFiles);
    return file;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null;
    throw error;
  }
}

/** More than there are others who could have been quicker each time. */
const maxAttempts = 1_000;

const strangeFolder = (folder: string): UserError =>
  new UserError(
    `the lock of the run can't be taken in ${folder}: its file system does not list the files that are made in it, so name a --run-dir on another`,
  );

/** Takes the next term, however many try at once; returns the open file. */
function takeTerm(folder: string, deadAfterMs: number): { term: number; file: number } {
  for (let attempt = 1; ; attempt++) {
    // One that abandons its run may remove the folder at the same moment.
    makeFolder(folder);
    const last = listTerms(folder).at(-1) ?? 0;
    if (last > 0) assertFree(folder, last, deadAfterMs);
    const term = last + 1;
    const file = createTerm(folder, term);
    if (file === null) {
      if (attempt === maxAttempts) throw strangeFolder(folder);
      continue;
    }
    if (listTerms(folder).at(-1) === term) return { term, file };
    // Others took this term and a higher one since we looked, and tidied this one away.
    closeSync(file);
    rmSync(termPath(folder, term), { force: true });
    if (attempt === maxAttempts) throw strangeFolder(folder);
  }
}

/**
 * Takes the lock of the run in `runFolder` (made if it is missing). Throws a UserError that names the process and
 * machine of a coordinator that holds it, or says that the folder may not be written.
 */
export function acquireRunLock(runFolder: string, options: RunLockOptions = {}): RunLock {
  const { onLost, heartbeatMs = defaultHeartbeatMs, deadAfterMs = defaultDeadAfterMs } = options;
  const folder = termsFolder(runFolder);
  let taken: { term: number; file: number };
  try {
    taken = takeTerm(folder, deadAfterMs);
    for (const older of listTerms(folder))
      if (older < taken.term) rmSync(termPath(folder, older), { force: true });
  } catch (error) {
    throw explained(error, { what: 'the run', path: runFolder, instead: 'or name another --run-dir' });
  }
  const { term } = taken;
  let { file } = taken;
  let state: 'held' | 'lost' | 'released' = 'held';

  const lose = (): void => {
    if (state !== 'held') return;
    state = 'lost';
    clearInterval(timer);
    onLost?.();
  };
  const isHeld = (): boolean => {
    if (state === 'held' && !isNewest(folder, term)) lose();
    return state === 'held';
  };
  const write = (end: boolean): void => {
    writeSync(file, encodeHolder({ term, ...thisProcess(), released: end }), 0);
  };
  const timer = setInterval(() => {
    if (!isHeld()) return;
    try {
      // Somebody may have removed the folder: without the file the run would look free.
      if (fstatSync(file).nlink === 0) {
        makeFolder(folder);
        const again = createTerm(folder, term);
        if (again === null) return lose();
        closeSync(file);
        file = again;
      }
      write(false);
    } catch {
      // A disk that fails is told of by what is to be kept on it; a heartbeat that stays away long enough lets
      // another coordinator take over, which the next look finds.
    }
  }, heartbeatMs);
  // A run that is over does not wait for its lock.
  timer.unref();

  const end = (leave: () => void): void => {
    if (state === 'released') return;
    isEnded();
    const wasHeld = isHeld();
    state = 'released';
    clearInterval(timer);
    try {
      if (wasHeld) leave();
    } catch {
      // It ends with the process at the latest.
    }
    closeSync(file);
  };
  const abandon = () =>
    end(() => {
      write(true);
      if (readdirSync(runFolder).length > 1) return;
      rmSync(termPath(folder, term));
      rmdirSync(folder);
    });
  const isEnded = atExit(abandon);
  return { term, isHeld, release: () => end(() => write(true)), abandon };
}
