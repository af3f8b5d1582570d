/** The schema's options as flags of a command, and back to a Config: no command lists an option by itself. */
import { resolve } from 'node:path';
import { allowedText, type ConfigFile, isUrl, readConfigFile } from '@unet-fleet/config';
import { loadConfig } from '@unet-fleet/config/load';
import {
  type Config,
  configOptions,
  type GroupName,
  groupTitles,
  type OptionInfo,
  UserError,
} from '@unet-fleet/law';
import { type Command, Option } from 'commander';
import type { Io } from './io.ts';

/** What stands for the value in the help, such as <images>. */
function placeholder(option: OptionInfo): string {
  if (option.format === 'choice' || option.format === 'numberChoice') return `<${option.values?.join('|')}>`;
  if (option.format === 'switch') return '[true|false]';
  if (option.format === 'size') return '<WIDTHxHEIGHT>';
  if (option.format === 'url') return '<url>';
  if (option.isPath) return '<path>';
  if (option.format === 'whole') return '<n>';
  return option.format === 'number' ? '<x>' : '<text>';
}

/** "(images, default 1, only with --schedule plateau)". */
function remarks({ unit, default: value, onlyWith }: OptionInfo): string {
  const parts = [
    unit,
    value === '' ? null : `default ${value}`,
    onlyWith && `only with --${onlyWith.key} ${onlyWith.values.join(' or ')}`,
  ];
  const said = parts.filter(Boolean).join(', ');
  return said && ` (${said})`;
}

/** Which of the schema's options a command takes: whole groups, or single paths. */
export type Selection = readonly (GroupName | `${GroupName}.${string}`)[];

/** The options of a group without these. */
export const allBut = (group: GroupName, ...keys: string[]): Selection =>
  configOptions
    .filter((option) => option.group === group && !keys.includes(option.key))
    .map(({ key }) => `${group}.${key}` as const);

const selected = (selection: Selection): OptionInfo[] =>
  configOptions.filter(
    ({ group, path }) => selection.includes(group) || selection.includes(path as `${GroupName}.${string}`),
  );

/** Adds --config, for commands whose options a file may hold. */
export const addConfigFile = (command: Command): Command =>
  command.option('--config <file>', 'JSON or YAML file with any of these options (see `unet-fleet config`)');

/** Adds the selected options, in the help under the titles of their groups. */
export function addConfigOptions(command: Command, selection: Selection): Command {
  for (const option of selected(selection)) {
    const flags = `${option.flag} ${placeholder(option)}`;
    command.addOption(
      new Option(flags, option.doc + remarks(option)).helpGroup(`${groupTitles[option.group]}:`),
    );
  }
  return command;
}

/**
 * The command's config: its flags over the environment over --config over `base` (such as the config of the run
 * folder) over the defaults. Paths become absolute, so that a run can be resumed from another folder.
 */
export function configFrom(
  parsed: Readonly<Record<string, unknown>>,
  selection: Selection,
  io: Io,
  base: readonly ConfigFile[] = [],
): Config {
  const flags: Record<string, unknown> = {};
  for (const { key } of selected(selection)) if (parsed[key] !== undefined) flags[key] = parsed[key];
  const file = parsed.config;
  const files = typeof file === 'string' ? [...base, readConfigFile(resolve(io.cwd, file))] : base;
  const config = withAbsolutePaths(loadConfig({ flags, env: usedVariables(selection, io), files }), io.cwd);
  // Folders that are named here stand in for the pack of a run or a file.
  const hasFolders = flags.images !== undefined || flags.masks !== undefined;
  return hasFolders && flags.pack === undefined ? { ...config, data: { ...config.data, pack: '' } } : config;
}

/** Variables of options that the command does not take must not change what it does. */
function usedVariables(selection: Selection, { env }: Io): Io['env'] {
  const used = new Set(selected(selection).map((option) => option.env));
  const unused = new Set(configOptions.map((option) => option.env).filter((name) => !used.has(name)));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !unused.has(name)));
}

function withAbsolutePaths(config: Config, cwd: string): Config {
  const absolute = structuredClone(config);
  for (const { group, key, path, isPath } of configOptions) {
    const values = absolute[group] as unknown as Record<string, string>;
    const value = values[key]!;
    const isOne = isPath || (path === 'data.pack' && !isUrl(value));
    if (isOne && value !== '') values[key] = resolve(cwd, value);
  }
  return absolute;
}

/** One option as `unet-fleet config` shows it. */
export interface OptionRow {
  group: GroupName;
  key: string;
  flag: string;
  env: string;
  help: string;
  unit: string;
  default: string | number | boolean;
  allowed: string;
  onlyWith: string;
}

export const optionRows = (): OptionRow[] =>
  configOptions.map((option) => ({
    group: option.group,
    key: option.path,
    flag: option.flag,
    env: option.env,
    help: option.doc,
    unit: option.unit ?? '',
    default: option.default,
    allowed: allowedText(option),
    onlyWith: option.onlyWith ? `--${option.onlyWith.key} ${option.onlyWith.values.join(' or ')}` : '',
  }));

/** Throws a UserError unless photos and masks are named: the schema can't demand them, as not all commands do. */
export function requireFolders({ data }: Config): void {
  if (data.pack !== '') return;
  const missing = [data.images === '' ? '--images' : '', data.masks === '' ? '--masks' : ''].filter(Boolean);
  if (missing.length === 0) return;
  const what = { '--images': 'the folder of photos', '--masks': 'the folder of masks' };
  const named = missing.map((flag) => `${flag} (${what[flag as keyof typeof what]})`).join(' and ');
  throw new UserError(
    `${named} must be given, or a packed data set with --pack; npx unet-fleet sample makes a set to try`,
  );
}
