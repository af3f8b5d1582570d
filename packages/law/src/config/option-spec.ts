/** What the schema says about one option: the form that convict takes, with what help and checks need besides. */

export type OptionFormat =
  | 'whole'
  | 'number'
  | 'switch'
  | 'text'
  | 'choice'
  | 'numberChoice'
  | 'size'
  | 'classWeights'
  | 'maskValues'
  | 'ignoredValues'
  | 'valueRange'
  | 'url';

/** One option, in the form that convict takes, with what the help and the checks need besides. */
export interface OptionSpec<T> {
  doc: string;
  default: T;
  format: OptionFormat;
  env: string;
  unit?: string;
  /** Least and greatest value; a number is in range if min <= value <= max. */
  min?: number;
  max?: number;
  /** The range is open: min or max itself is not allowed. */
  aboveMin?: boolean;
  belowMax?: boolean;
  values?: readonly T[];
  /** What to do instead when a value is out of range. */
  remedy?: string;
  /** Only has an effect with one of these values of another option of its group. */
  onlyWith?: { key: string; values: readonly string[] };
  /** Stands for another value, which takes its place in the config when a run is made. */
  auto?: T;
  /** What a run has that was made before there was this option; without it, the default. */
  before?: T;
  /** A run that has begun may be given another value, which counts from its next step on. */
  changeable?: boolean;
  /** Names a file or folder: relative to where the command is run. */
  isPath?: boolean;
  /** Never shown. */
  sensitive?: boolean;
}

export type GroupSchema<G> = { [K in keyof G]: OptionSpec<G[K]> };

/** batchSize -> batch-size */
export const kebab = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const envOf = (key: string): string => `UNET_FLEET_${kebab(key).replaceAll('-', '_').toUpperCase()}`;

/** Gives each option of a group its environment variable. */
export const group = <G>(options: { [K in keyof G]: Omit<OptionSpec<G[K]>, 'env'> }): GroupSchema<G> =>
  Object.fromEntries(
    Object.entries(options).map(([key, option]) => [key, { ...(option as object), env: envOf(key) }]),
  ) as GroupSchema<G>;
