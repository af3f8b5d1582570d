/**
 * The folder of a run, and the facts that are fixed when it is made:
 *   config.json     the full config, as it was resolved
 *   split.json      ids of training and validation samples: resuming never leaks validation data
 *   run.json        identity, run id, engine threads, hash of the data, versions; written last, so that a folder that
 *                   has it is complete
 *   terms/          the lock (lock.ts)
 *   checkpoints/    the only durable truth about the training itself
 *   metrics.jsonl, ledger.jsonl, log.jsonl
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { differingKeys, identityOf } from '@unet-fleet/config';
import { type Config, leafSizeOf, type PlanConfig, UserError } from '@unet-fleet/law';
import { explained, isErrno, makeFolder, readBounded } from '@unet-fleet/shared';
import { realFiles, replaceFile } from '../checkpoint/files.ts';
import { holdsCheckpoint } from '../checkpoint/folder.ts';
import { parseConfig, parseRecord, parseSplit, type RunRecord, type Split } from './run-schema.ts';

export type { RunRecord, Split };

export const runPaths = (root: string) => ({
  root,
  config: join(root, 'config.json'),
  split: join(root, 'split.json'),
  run: join(root, 'run.json'),
  checkpoints: join(root, 'checkpoints'),
  metrics: join(root, 'metrics.jsonl'),
  ledger: join(root, 'ledger.jsonl'),
  log: join(root, 'log.jsonl'),
});

export interface RunFolder {
  config: Config;
  record: RunRecord;
  split: Split;
}

/** Leaf sizes and counts of a run as it was made; the plan follows from them. */
export function planOf({ config: { train }, split }: Pick<RunFolder, 'config' | 'split'>): PlanConfig {
  return {
    numTrainSamples: split.train.length,
    numValidationSamples: split.validation.length,
    batchSize: train.batchSize,
    leafSize: leafSizeOf(train),
    epochs: train.epochs,
    seed: train.seed,
  };
}

/** SHA-256 of the config's identity: equal for configs that must give the same weights. */
export const identitySha256 = (config: Config): string =>
  createHash('sha256').update(identityOf(config)).digest('hex');

export const holdsRun = (root: string): boolean => existsSync(runPaths(root).run);

/**
 * Whether there is something to lose or to continue: a run that failed before its first checkpoint leaves a folder that
 * a new run may use.
 */
export const hasBegun = (root: string): boolean =>
  holdsRun(root) && holdsCheckpoint(runPaths(root).checkpoints);

/** Throws a UserError if the folder holds a run that has begun. */
export function assertNotBegun(root: string): void {
  if (!hasBegun(root)) return;
  throw new UserError(
    `${root} holds a run already: continue it with --resume, or choose another folder with --run-dir.`,
  );
}

/**
 * Makes the folder of a new run. Only for the holder of its lock. Throws a UserError if it holds a run that has begun,
 * or may not be written.
 */
export function createRunFolder(root: string, folder: RunFolder): void {
  assertNotBegun(root);
  writeFacts(root, folder);
}

function writeFacts(root: string, { config, record, split }: RunFolder): void {
  const json = (name: string, value: unknown): void =>
    replaceFile(root, name, `${JSON.stringify(value, null, 2)}\n`, realFiles);
  try {
    makeFolder(runPaths(root).checkpoints);
    json('config.json', config);
    json('split.json', split);
    json('run.json', record);
  } catch (error) {
    throw explained(error, { what: 'the run', path: root });
  }
}

/**
 * Writes the files of the run again when somebody has removed its folder while it trains: checkpoints alone could not
 * be continued from. True if there was something to do. Throws a UserError if that can't be done.
 */
export function restoreRunFolder(root: string, folder: RunFolder): boolean {
  if (holdsRun(root)) return false;
  writeFacts(root, folder);
  return true;
}

/** Of ids of ten million samples. */
const maxFileBytes = 2 ** 29;

function readJson<T>(path: string, parse: (value: unknown) => T): T {
  let value: unknown;
  try {
    value = JSON.parse(readBounded(path, maxFileBytes).toString('utf8'));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) {
      throw new UserError(
        `${path} is missing: restore it from a copy, or start a new run with another --run-dir.`,
      );
    }
    if (!(error instanceof SyntaxError)) throw explained(error, { path });
    throw new UserError(
      `${path} is damaged: restore it from a copy, or start a new run with another --run-dir.`,
    );
  }
  try {
    return parse(value);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { message } = error as Error;
    throw new UserError(
      `${path} is damaged (${message}): restore it from a copy, or start a new run with another --run-dir.`,
    );
  }
}

/** A run of another version is told by its format alone: the rest may look different. */
function parseOwnRecord(path: string, value: unknown): RunRecord {
  const { formatVersion, versions } = (value ?? {}) as { formatVersion?: unknown; versions?: unknown };
  if (!Number.isSafeInteger(formatVersion) || formatVersion === 1) return parseRecord(value);
  const maker = (versions as Record<string, unknown> | null | undefined)?.['unet-fleet'];
  throw new UserError(
    `${path} has format ${formatVersion}, which this version of unet-fleet does not read: use the version that made the run (${typeof maker === 'string' ? maker : 'unknown'}).`,
  );
}

/** Reads the folder of a run. Throws a UserError if it is missing, holds no run, or a file of it is damaged. */
export function openRunFolder(root: string): RunFolder {
  if (!existsSync(root)) {
    throw new UserError(
      `There is no folder ${root}: name the folder of a run with --run-dir, or start one without --resume.`,
    );
  }
  if (!holdsRun(root)) {
    throw new UserError(
      `${root} holds no run (it has no run.json): name the folder of a run with --run-dir, or start one without --resume.`,
    );
  }
  const paths = runPaths(root);
  const record = readJson(paths.run, (value) => parseOwnRecord(paths.run, value));
  return { config: readJson(paths.config, parseConfig), record, split: readJson(paths.split, parseSplit) };
}

const show = (value: string | number | boolean): string => (value === '' ? 'unset' : String(value));

/**
 * `changeableFlags`: of the options that a run may be given anew, for the sentence.
 * Throws a UserError that names every option in which `wanted` would change the weights of the run, or says that the
 * data has changed.
 */
export function assertSameRun(
  root: string,
  run: RunFolder,
  wanted: Config,
  dataSha256: string,
  changeableFlags: readonly string[] = [],
): void {
  const differences = differingKeys(run.config, wanted).map(
    ({ flag, a, b }) => `${flag} ${show(a)} there, ${show(b)} here`,
  );
  if (differences.length > 0) {
    const [last, ...others] = changeableFlags.toReversed();
    const allowed = last ? `; only ${others.toReversed().join(', ')} and ${last} can be given anew` : '';
    throw new UserError(
      `The run in ${root} has another config (${differences.join('; ')}): use its options, or choose another --run-dir${allowed}.`,
    );
  }
  if (run.record.dataSha256 !== dataSha256) {
    throw new UserError(
      `The data has changed since the run in ${root} was made: restore the photos, the masks and the lists of the split, or choose another --run-dir.`,
    );
  }
}
