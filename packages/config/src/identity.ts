/**
 * What makes two configs the same run: every option that can change a bit of the committed weights, and no other.
 * Where the data lies, how many workers there are, where logs and checkpoints go is no part of it. The contents of
 * the data are: the manifest's hash says those.
 */

import type { Config } from '@unet-fleet/law';
import { configOptions, optionValue } from '@unet-fleet/law';

/** Outside the identity: paths and names, which the hash of the data stands for, what may be read at all, and the permission for mixed engines, which gives up reproducibility anyway. */
const outside = new Set([
  'data.images',
  'data.imageSuffix',
  'data.maskSuffix',
  'data.trainList',
  'data.valList',
  'data.masks',
  'data.pack',
  'data.packToken',
  'data.palette',
  'data.classNames',
  'data.followLinks',
  'data.maxPixels',
  'engine.allowMixedEngines',
]);
const identityPaths = configOptions
  .filter(({ group, path }) => !outside.has(path) && group !== 'run' && group !== 'broker')
  .map(({ path }) => path)
  .sort();

const optionOf = new Map(configOptions.map((option) => [option.path, option]));

/** Canonical JSON of the identity: sorted keys, no spaces, so that equal configs give equal text. */
export const identityOf = (config: Config): string =>
  JSON.stringify(
    Object.fromEntries(identityPaths.map((path) => [path, optionValue(config, optionOf.get(path)!)])),
  );

export interface Difference {
  /** Flag of the option, such as --batch-size. */
  flag: string;
  a: string | number | boolean;
  b: string | number | boolean;
}

/** The options of the identity in which two configs differ, in the order of the schema. */
export function differingKeys(a: Config, b: Config): Difference[] {
  return configOptions
    .filter(({ path }) => identityPaths.includes(path))
    .map((option) => ({ flag: option.flag, a: optionValue(a, option), b: optionValue(b, option) }))
    .filter((difference) => difference.a !== difference.b);
}

/**
 * `wanted` with what its automatic options became when the run of `made` was: the command that began a run goes on with
 * it, and says the same.
 */
export function withSettled(wanted: Config, made: Config): Config {
  const settled = structuredClone(wanted);
  for (const option of configOptions) {
    if (option.auto === undefined || optionValue(wanted, option) !== option.auto) continue;
    (settled[option.group] as unknown as Record<string, unknown>)[option.key] = optionValue(made, option);
  }
  return settled;
}

/** The config as it may be kept in files: without what must never be shown. */
export function withoutSecrets(config: Config): Config {
  const kept = structuredClone(config);
  for (const { group, key, sensitive } of configOptions) {
    if (sensitive) (kept[group] as unknown as Record<string, string>)[key] = '';
  }
  return kept;
}
