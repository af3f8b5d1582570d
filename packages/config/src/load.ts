/**
 * Makes one Config from flags, environment, files and defaults, in this order of precedence, or throws a UserError
 * that names the option, the value and what is allowed. Nothing unknown is passed over in silence.
 */

import {
  type Config,
  configOptions,
  configSchema,
  type OptionFormat,
  type OptionInfo,
  optionValue,
  printable,
  UserError,
} from '@unet-fleet/law';
import { splitBrokerUrl, withoutCredentials } from '@unet-fleet/wire/transport/broker-url';
import convict from 'convict';
import { distance } from 'fastest-levenshtein';
import { coerceText, problemOf } from './checks.ts';
import { crossCheck, type Origin } from './cross-checks.ts';
import type { ConfigFile } from './file.ts';
import { nearestName, unknownOption } from './nearest.ts';

export interface ConfigSources {
  /** Values by key, such as {batchSize: '4'}: as commander gives them. */
  flags?: Readonly<Record<string, unknown>>;
  env?: Readonly<Record<string, string | undefined>>;
  /** The later one wins. */
  files?: readonly ConfigFile[];
}

const formats: OptionFormat[] = [
  'whole',
  'number',
  'switch',
  'text',
  'choice',
  'numberChoice',
  'size',
  'classWeights',
  'maskValues',
  'ignoredValues',
  'valueRange',
  'url',
];

for (const name of formats) {
  convict.addFormat({
    name,
    validate: (value, spec) => {
      const problem = problemOf(spec as OptionInfo, value);
      if (problem !== null) throw new Error(problem);
    },
    coerce: (value) => coerceText(name, value),
  });
}

const byKey = new Map(configOptions.map((option) => [option.key, option]));
const byPath = new Map(configOptions.map((option) => [option.path, option]));
const flagNames = configOptions.map((option) => option.flag);
const flagOf = (key: string) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Names and values in messages: a long one is cut. */
const nameText = (name: string) => printable(name, 100);
const valueText = (value: string) => printable(value, 200);

/** A broker's address may hold a password. */
const shownText = ({ format }: OptionInfo, value: string) =>
  valueText(format === 'url' ? withoutCredentials(value) : value);

/** Where a value was given, and how a message shows it there. */
interface Given {
  origin: Origin;
  shown: string;
}

export function loadConfig({ flags = {}, env = {}, files = [] }: ConfigSources): Config {
  const given = new Map<string, Given>();
  const variables = usableVariables(env, given);
  // convict's own command-line parser is left out (args: []), because commander has parsed the flags.
  const merged = convict<Config>(configSchema as unknown as convict.Schema<Config>, {
    env: variables,
    args: [],
  });
  for (const file of files) {
    for (const [path, value, option] of entriesOf(file)) {
      if (!given.has(path) || given.get(path)?.origin === 'file') {
        const text = shownText(option, JSON.stringify(value));
        const shown = option.sensitive ? path : `${path}: ${text}`;
        given.set(path, { origin: 'file', shown: `${shown} in ${file.name}` });
      }
      if (variables[option.env] === undefined) merged.set(path, value as never);
    }
  }
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const option = byKey.get(key);
    if (!option) throw unknownOption(flagOf(key), flagNames);
    const shown = option.sensitive
      ? option.flag
      : `${option.flag} ${value === '' ? "''" : shownText(option, String(value))}`;
    given.set(option.path, { origin: 'flag', shown });
    merged.set(option.path, value as never);
  }
  const config = merged.getProperties();
  for (const option of configOptions) {
    const problem = problemOf(option, optionValue(config, option));
    if (problem === null) continue;
    throw new UserError(`${given.get(option.path)?.shown ?? option.flag} is not allowed: ${problem}`);
  }
  const settled = withBareHosts({ ...config, broker: brokerWithCredentials(config.broker, given) });
  crossCheck(settled, new Map(Array.from(given, ([path, { origin }]) => [path, origin])));
  return settled;
}

/** An IPv6 address may be given in brackets, as in a URL; what listens wants it without. */
function withBareHosts(config: Config): Config {
  const bare = (host: string): string => /^\[(.*)\]$/.exec(host)?.[1] ?? host;
  const { run, broker } = config;
  return {
    ...config,
    run: { ...run, dashboardHost: bare(run.dashboardHost), metricsHost: bare(run.metricsHost) },
    broker: { ...broker, natsHost: bare(broker.natsHost), joinHost: bare(broker.joinHost) },
  };
}

/** What says who somebody is at the broker. */
const identities = ['natsUser', 'natsPassword', 'natsToken', 'natsSeed'] as const;

/**
 * Credentials in the broker's address as the options that they are: the address itself is shown and kept. They replace
 * those of a file; others that are given beside them contradict.
 */
function brokerWithCredentials(broker: Config['broker'], given: Map<string, Given>): Config['broker'] {
  const { url, credentials } = splitBrokerUrl(broker.natsUrl);
  if (credentials === null) return { ...broker, natsUrl: url };
  const also = identities.find((key) => {
    const { origin } = given.get(`broker.${key}`) ?? {};
    return origin === 'flag' || origin === 'env';
  });
  if (also) {
    throw new UserError(
      `${flagOf('natsUrl')} holds a user or token, and ${flagOf(also)} is given as well: leave one out`,
    );
  }
  const { user, password, token } = credentials;
  return { ...broker, natsUrl: url, natsUser: user, natsPassword: password, natsToken: token, natsSeed: '' };
}

/** What Kubernetes gives every pod of a namespace with a service of this name, or of one that begins so. */
const serviceVariable = /_SERVICE_HOST$|_SERVICE_PORT(_|$)|_PORT(_\d+_(TCP|UDP)(_|$)|$)/;

/**
 * The variables that options have, empty ones left out. Others that begin with UNET_FLEET_ may belong to something
 * else, so only what is nearly an option's name is an error.
 */
function usableVariables(env: NonNullable<ConfigSources['env']>, given: Map<string, Given>) {
  const known = new Map(configOptions.map((option) => [option.env, option]));
  const usable: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('UNET_FLEET_') || value === undefined || value === '') continue;
    const option = known.get(name);
    if (option) {
      usable[name] = value;
      given.set(option.path, {
        origin: 'env',
        shown: option.sensitive ? name : `${name}=${shownText(option, value)}`,
      });
      continue;
    }
    if (serviceVariable.test(name)) continue;
    const near = Array.from(known.keys()).find((other) => distance(name, other) <= 2);
    if (near) throw new UserError(`unknown environment variable ${nameText(name)}; did you mean ${near}?`);
  }
  return usable;
}

const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isFlatList = (value: unknown): value is unknown[] =>
  Array.isArray(value) && value.every((item) => typeof item !== 'object');

/** The options that a file gives: path, value, option. Throws on anything that is no group and no option. */
function entriesOf({ name, values }: ConfigFile): [string, unknown, OptionInfo][] {
  if (!isGroup(values)) {
    throw new UserError(`config file ${name} holds no groups of options: begin with one such as "train:"`);
  }
  const entries: [string, unknown, OptionInfo][] = [];
  for (const [group, members] of Object.entries(values)) {
    if (!Object.hasOwn(configSchema, group)) throw unknownKey(name, group, group);
    if (!isGroup(members)) {
      throw new UserError(
        `${group} in ${name} is a group of options, not ${valueText(JSON.stringify(members) ?? '')}: write them below it`,
      );
    }
    for (const [key, value] of Object.entries(members)) {
      const path = `${group}.${key}`;
      const option = byPath.get(path);
      if (!option) throw unknownKey(name, path, key);
      const listed =
        ['classWeights', 'maskValues', 'ignoredValues'].includes(option.format) && isFlatList(value);
      entries.push([path, listed ? value.join(',') : value, option]);
    }
  }
  return entries;
}

/** Keys are compared without their group: an option in the wrong group is the likeliest mistake but one. */
function unknownKey(file: string, path: string, key: string): UserError {
  const near = nearestName(
    key,
    configOptions.map((option) => option.key),
  );
  const group = nearestName(path, Object.keys(configSchema));
  const meant = path === key && group ? group : byKey.get(near ?? '')?.path;
  const hint = meant ? `; did you mean ${meant}?` : '; `unet-fleet config` lists the keys';
  return new UserError(`unknown key ${nameText(path)} in ${file}${hint}`);
}
