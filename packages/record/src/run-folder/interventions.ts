/**
 * interventions.json: how a person changed the learning rate while the run went on, and the options that it was given
 * anew, with the step that each change counts from. Config, data and this file are what the weights are a function of. What it keeps true: a change is on
 * the disk before it counts, and only the holder of the run's lock makes one.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { problemOf } from '@unet-fleet/config';
import {
  type ChangedOptions,
  changeableOptions,
  configOptions,
  countedOf,
  type Intervention,
  type PlanConfig,
  type Progress,
  planWith,
  UserError,
  withIntervention,
} from '@unet-fleet/law';
import { explained, readBounded } from '@unet-fleet/shared';
import { z } from 'zod';
import { type FileOperations, realFiles, syncFolder, writeFile } from '../checkpoint/files.ts';

const fileName = 'interventions.json';
const temporaryPrefix = '.tmp-interventions-';
/** Of a hundred thousand changes. */
const maxFileBytes = 2 ** 25;

/** The greatest learning rate that the config takes as well. */
export const maxLearningRate = 100;

const text = z.string().max(2_000);

/** As the options of the config are checked. */
const optionsSchema = z
  .strictObject(
    Object.fromEntries(changeableOptions.map((key) => [key, z.unknown().optional()])) as Record<
      keyof ChangedOptions,
      z.ZodOptional<z.ZodUnknown>
    >,
  )
  .superRefine((given, context) => {
    for (const key of changeableOptions) {
      const option = configOptions.find(({ path }) => path === `train.${key}`)!;
      const problem = given[key] === undefined ? null : problemOf(option, given[key]);
      if (problem !== null) context.addIssue({ code: 'custom', path: [key], message: problem });
    }
  })
  .transform((given) => given as ChangedOptions);

const interventionSchema = z.object({
  step: z.number().int().min(1).max(0xffffffff),
  learningRate: z.number().positive().max(maxLearningRate).optional(),
  options: optionsSchema.optional(),
  // For those who write the file by hand.
  previousRate: z.number().nonnegative().nullable().default(null),
  at: text.default(''),
  by: text.default(''),
});

const fileSchema = z
  .object({ formatVersion: z.literal(1), interventions: z.array(interventionSchema).max(100_000) })
  .refine(
    ({ interventions }) =>
      interventions.every(({ learningRate, options }) => learningRate !== undefined || options !== undefined),
    { message: 'a change without what it changes (learningRate or options)', path: ['interventions'] },
  )
  .refine(
    ({ interventions }) => interventions.every(({ step }, i) => i === 0 || step > interventions[i - 1]!.step),
    { message: 'its steps do not rise', path: ['interventions'] },
  );

/** Of a run folder, or the file that was given for a new run. Throws a UserError for anything else. */
export function readInterventions(path: string): Intervention[] {
  let value: unknown;
  try {
    value = JSON.parse(readBounded(path, maxFileBytes).toString('utf8'));
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined && !(error instanceof SyntaxError)) throw error;
    throw new UserError(
      code === undefined
        ? `${path} is no JSON: restore it from a copy`
        : `${path} cannot be read (${code}): name a file of changes, such as interventions.json of another run`,
    );
  }
  const { data, error } = fileSchema.safeParse(value);
  if (data) return data.interventions;
  const [issue] = error.issues;
  throw new UserError(
    `${path} is no file of changes (at ${issue!.path.join('.') || 'its top'}: ${issue!.message}): restore it from a copy`,
  );
}

/** Of a run folder; none where nobody has changed anything. Throws a UserError when the file is damaged. */
export function interventionsOf(runFolder: string): Intervention[] {
  const path = join(runFolder, fileName);
  return existsSync(path) ? readInterventions(path) : [];
}

/** The plan of a run, with the epochs that it was given since it began. */
export const plannedOf = <T extends PlanConfig>(runFolder: string, plan: T): T =>
  planWith(plan, interventionsOf(runFolder));

/** Whether weights of this progress came of these interventions: what was done up to its version is the same. */
export function comesOf({ version, interventions = [] }: Progress, all: readonly Intervention[]): boolean {
  const expected = all.filter(({ step }) => step <= version);
  return isDeepStrictEqual(expected.map(countedOf), interventions.map(countedOf));
}

export interface InterventionsOptions {
  /** Fencing number of this coordinator. */
  term: number;
  /** Whether it still holds the run's lock. */
  mayWrite(): boolean;
  operations?: FileOperations;
}

/** The interventions of a run as the holder of its lock keeps them. */
export class Interventions {
  readonly #runFolder: string;
  readonly #options: InterventionsOptions;
  #all: readonly Intervention[] = [];

  private constructor(runFolder: string, options: InterventionsOptions) {
    this.#runFolder = runFolder;
    this.#options = options;
    // What a coordinator that was overtaken has half-written can't become the file any more.
    for (const name of readdirSync(runFolder)) {
      if (name.startsWith(temporaryPrefix)) this.#files.remove(join(runFolder, name));
    }
  }

  /** Those of a run that goes on. Only after its lock was taken. Throws a UserError when the file is damaged. */
  static open(runFolder: string, options: InterventionsOptions): Interventions {
    const opened = new Interventions(runFolder, options);
    opened.#all = interventionsOf(runFolder);
    return opened;
  }

  /** Those of a new run, in place of what another has left in its folder. Throws a UserError. */
  static begin(
    runFolder: string,
    options: InterventionsOptions,
    given: readonly Intervention[],
  ): Interventions {
    const begun = new Interventions(runFolder, options);
    begun.#put(given);
    begun.#all = given;
    return begun;
  }

  get all(): readonly Intervention[] {
    return this.#all;
  }

  /**
   * Adds one, in place of those of its step and of later ones. Durable when it returns; throws a UserError if it is
   * not, and then the file is as it was.
   */
  add(intervention: Intervention): void {
    const all = withIntervention(this.#all, intervention);
    this.#put(all);
    this.#all = all;
  }

  /** Writes the file again when somebody has removed it with the run's folder. Throws a UserError. */
  restore(): void {
    if (this.#all.length > 0 && !existsSync(this.#path)) this.#put(this.#all);
  }

  get #path(): string {
    return join(this.#runFolder, fileName);
  }

  get #files(): FileOperations {
    return this.#options.operations ?? realFiles;
  }

  #put(interventions: readonly Intervention[]): void {
    try {
      this.#replace(interventions);
      try {
        syncFolder(this.#runFolder, this.#files);
      } catch (error) {
        // Whoever goes on must not find a change that nobody was promised.
        this.#replace(this.#all);
        throw error;
      }
    } catch (error) {
      throw explained(error, { what: 'a change of the learning rate', path: this.#runFolder });
    }
  }

  /** A reader sees the file as it was or as it is now; without an entry there is none. */
  #replace(interventions: readonly Intervention[]): void {
    const temporary = join(this.#runFolder, `${temporaryPrefix}${this.#options.term}`);
    const content = `${JSON.stringify({ formatVersion: 1, interventions }, null, 2)}\n`;
    this.#files.remove(temporary);
    writeFile(temporary, this.#files, (file) => file.write(new TextEncoder().encode(content)));
    // Asked last: whoever takes the lock after it removes the temporary file before it reads, and this fails.
    if (!this.#options.mayWrite()) throw new UserError('another coordinator has taken over the run');
    if (interventions.length > 0) this.#files.rename(temporary, this.#path);
    else {
      this.#files.remove(this.#path);
      this.#files.remove(temporary);
    }
  }
}
