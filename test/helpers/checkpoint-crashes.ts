/**
 * Lets the power go between every two operations of whatever changes checkpoints, in every outcome that the disk may
 * have, and reads what is left: before and after it is tidied there must be a good checkpoint, and afterwards no
 * rubbish.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@unet-fleet/law';
import {
  bestCheckpointName,
  holdsCheckpoint,
  type Manifest,
  newestGoodCheckpoint,
  removeCheckpoints,
  stepOfName,
  tidyCheckpoints,
  writeCheckpoint,
} from '@unet-fleet/record';
import { Crash, MemoryDisk, outcomes } from './memory-disk.ts';
import { smallCheckpoint, weightsOf } from './small-checkpoint.ts';

/** A piece of work on the folder /run/checkpoints that may be interrupted. */
export interface Scenario {
  name: string;
  before(disk: MemoryDisk): void;
  work(disk: MemoryDisk): void;
  /** Marks of the weights of which one must be the newest good ones, at any moment; null: there are none yet. */
  allowed: (number | null)[];
  /** Mark of the newest good one once the work is done: from then on it counts as durable. */
  after: number;
  /** Name of the best checkpoint, which must be there at any moment. */
  best?: string;
}

const where = '/run/checkpoints';
const write = (disk: MemoryDisk, step: number, options: Parameters<typeof smallCheckpoint>[1] = {}): void =>
  void writeCheckpoint(where, smallCheckpoint(step, options), { operations: disk });
const writeAll = (disk: MemoryDisk, steps: number[], best: number | null = null): void => {
  disk.makeFolder('/run');
  for (const step of steps) write(disk, step, { best });
};
/** Between the two renames of a replacement. */
const halfReplaced = (disk: MemoryDisk): void => {
  writeAll(disk, [1]);
  write(disk, 2);
  disk.rename(`${where}/step-00000002`, `${where}/.replaced-step-00000002`);
  disk.makeFolder(`${where}/.tmp-step-00000003-x`);
  disk.close(disk.open(`${where}/.tmp-step-00000003-x/manifest.json`, 'wx'));
};

export const scenarios: Scenario[] = [
  {
    name: 'the first save',
    before: (disk) => writeAll(disk, []),
    work: (disk) => write(disk, 1),
    allowed: [null, 1],
    after: 1,
  },
  {
    name: 'a save',
    before: (disk) => writeAll(disk, [1]),
    work: (disk) => write(disk, 2),
    allowed: [1, 2],
    after: 2,
  },
  {
    name: 'the replacement of the newest',
    before: (disk) => writeAll(disk, [1, 2]),
    work: (disk) => write(disk, 2, { mark: 9 }),
    allowed: [2, 9],
    after: 9,
  },
  {
    name: 'the replacement of the only one',
    before: (disk) => writeAll(disk, [1]),
    work: (disk) => write(disk, 1, { mark: 9 }),
    allowed: [1, 9],
    after: 9,
  },
  {
    name: 'pruning',
    before: (disk) => writeAll(disk, [1, 2, 3, 4, 5], 2),
    work: (disk) => removeCheckpoints(where, ['step-00000003', 'step-00000001'], { operations: disk }),
    allowed: [5],
    after: 5,
    best: 'step-00000002',
  },
  {
    name: 'tidying up after a crash',
    before: halfReplaced,
    work: (disk) => tidyCheckpoints(where, { operations: disk }),
    allowed: [2],
    after: 2,
  },
];

export interface CrashFigures {
  numOperations: number;
  /** Moments, times outcomes. */
  numCases: number;
  /** Cases that left different files. */
  numStates: number;
  failures: string[];
}

/** Operations that the scenario's work takes when nothing happens. */
export function numOperationsOf({ before, work }: Scenario): number {
  const disk = preparedFor({ before });
  work(disk);
  return disk.numOperations;
}

function preparedFor({ before }: Pick<Scenario, 'before'>, crashAt?: number): MemoryDisk {
  const disk = new MemoryDisk();
  before(disk);
  return disk.copy(crashAt);
}

/** Interrupts the scenario's work before each of its operations, in the middle of each write, and when it is done. */
export function tryCrashes(scenario: Scenario, folder: string): CrashFigures {
  const numOperations = numOperationsOf(scenario);
  const figures: CrashFigures = { numOperations, numCases: 0, numStates: 0, failures: [] };
  const prepared = preparedFor(scenario);
  const seen = new Set<string>();
  for (let crashAt = 1; crashAt <= numOperations + 1; crashAt++) {
    const disk = prepared.copy(crashAt);
    const isDone = crashAt > numOperations;
    if (isDone) scenario.work(disk);
    else expectCrash(() => scenario.work(disk));
    const allowed = isDone ? [scenario.after] : scenario.allowed;
    for (const outcome of outcomes) {
      figures.numCases++;
      rmSync(folder, { recursive: true, force: true });
      disk.writeOut(outcome, folder);
      const state = `${allowed}: ${contentOf(folder)}`;
      if (seen.has(state)) continue;
      seen.add(state);
      for (const failure of faultsOf({ ...scenario, allowed }, join(folder, where))) {
        figures.failures.push(`${scenario.name}, power gone at operation ${crashAt}, ${outcome}: ${failure}`);
      }
    }
  }
  figures.numStates = seen.size;
  return figures;
}

function expectCrash(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof Crash) return;
    throw error;
  }
  throw new Error('the power did not go');
}

function faultsOf(scenario: Scenario, checkpoints: string): string[] {
  const faults = useFaults(scenario, checkpoints).map((fault) => `${fault} before tidying`);
  tidyCheckpoints(checkpoints);
  faults.push(...useFaults(scenario, checkpoints));
  if (holdsCheckpoint(checkpoints)) {
    const rubbish = readdirSync(checkpoints).filter((name) => stepOfName(name) === null);
    if (rubbish.length > 0) faults.push(`${rubbish} is left`);
  }
  return faults;
}

function useFaults({ allowed, best }: Scenario, checkpoints: string): string[] {
  if (!holdsCheckpoint(checkpoints)) return allowed.includes(null) ? [] : ['there is no checkpoint'];
  const faults: string[] = [];
  let manifest: Manifest;
  try {
    ({ manifest } = newestGoodCheckpoint(checkpoints, { onDamaged: ({ message }) => faults.push(message) }));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [...faults, error.message];
  }
  const isAllowed = allowed.some((mark) => mark !== null && weightsOf(mark) === manifest.weightsSha256);
  if (!isAllowed) faults.push(`the newest good one is another (step ${manifest.step})`);
  if (best !== undefined && bestCheckpointName(checkpoints) !== best) faults.push('the best one is gone');
  return faults;
}

/** Names and contents of all files, as one hash. */
function contentOf(folder: string): string {
  const hash = createHash('sha256');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    hash.update(`${path}\0`);
    if (entry.isFile()) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}
