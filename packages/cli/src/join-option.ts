/**
 * What workers and reducers say alike of where they join, and where a join URL comes from. It holds a secret, and every user of a machine can list the arguments of its
 * processes; so it may also come from a file, from stdin or from the environment, which they can't see.
 */
import { resolve } from 'node:path';
import { UserError } from '@unet-fleet/law';
import { readBounded, refusalOf } from '@unet-fleet/shared';
import { type JoinUrl, maxJoinUrlLength, parseJoinUrl } from '@unet-fleet/wire';
import { Option } from 'commander';
import { wholeArgument } from './arguments.ts';
import type { Selection } from './config-options.ts';
import type { Io } from './io.ts';

export interface JoinFlags {
  join?: string;
  [flag: string]: unknown;
}

/** What a join URL says already. */
const said = ['natsUrl', 'natsUser', 'natsPassword', 'natsToken', 'natsSeed', 'natsCa'] as const;

/** Of whoever joins without one: where the broker is. */
export const brokerSelection: Selection = said.map((key) => `broker.${key}` as const);

export const waitBrokerOption = new Option(
  '--wait-broker <seconds>',
  'time to wait for a NATS server that is not there yet; default 0: fail at once',
).argParser(wholeArgument('--wait-broker', 0, 86_400));

export const waitRunOption = new Option(
  '--wait-run <seconds>',
  'time to wait for a coordinator, at first and whenever it is gone; default: for ever',
).argParser(wholeArgument('--wait-run', 1, 31_536_000));

/** In ms, of --wait-run. */
export const runPatienceMs = (seconds: number = Number.POSITIVE_INFINITY): number => seconds * 1_000;

const flagOf = (key: string) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
/** A file that a person edited may have comments beside the line. */
const maxFileBytes = 64 * 1024;

/**
 * The join URL of --join or UNET_FLEET_JOIN; null where neither is there, or flags name another broker.
 * @throws UserError if it can't be read, is none, or options say the same otherwise
 */
export async function joinOption(
  flags: JoinFlags,
  io: Io,
  stdin: AsyncIterable<unknown> = process.stdin,
): Promise<JoinUrl | null> {
  const also = said.find((key) => flags[key] !== undefined);
  if (flags.join !== undefined && also) {
    throw new UserError(
      `--join and ${flagOf(also)} are both given: the join URL says that already, so leave one out`,
    );
  }
  const url = await readUrl(flags, also !== undefined, io, stdin);
  if (url?.runId && flags.run !== undefined && flags.run !== url.runId) {
    throw new UserError(`the join URL is for run ${url.runId}, and --run says ${flags.run}: leave --run out`);
  }
  return url;
}

/** The run to work for, '' where none is named. A join URL without a run is of a broker that may have several. */
export const runOf = (joining: JoinUrl | null, flags: { run?: string }, io: Io): string =>
  joining?.runId || (flags.run ?? (joining ? '' : io.env.UNET_FLEET_RUN) ?? '');

/** Whoever joins by a URL leaves what the environment says of another broker. */
export const withoutBroker = (env: Io['env']): Io['env'] =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('UNET_FLEET_NATS_')));

async function readUrl(
  flags: JoinFlags,
  isElsewhere: boolean,
  io: Io,
  stdin: AsyncIterable<unknown>,
): Promise<JoinUrl | null> {
  const given = flags.join ?? (isElsewhere ? '' : (io.env.UNET_FLEET_JOIN ?? ''));
  if (given === '' && flags.join === undefined) return null;
  if (given === '-') return parseJoinUrl(lineOf(await textOf(stdin), 'stdin'));
  if (given.startsWith('@')) {
    const path = resolve(io.cwd, given.slice(1));
    return parseJoinUrl(lineOf(textIn(path), path));
  }
  return parseJoinUrl(given.trim());
}

function lineOf(text: string, where: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length === 1) return lines[0]!;
  throw new UserError(`${where} holds ${lines.length} lines where one join URL is wanted: check --join`);
}

function textIn(path: string): string {
  try {
    return readBounded(path, maxFileBytes).toString('utf8');
  } catch (error) {
    if (error instanceof UserError) throw error;
    const why = refusalOf(error);
    if (why === '') throw error;
    throw new UserError(`no join URL comes from ${path} (${why}): check --join`);
  }
}

async function textOf(stdin: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > maxJoinUrlLength + maxFileBytes) break;
  }
  return text;
}
