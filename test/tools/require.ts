/** How a check command begins: with the look for its tools, which ends it where some are missing and nobody has said that it may. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { natsServerHere } from '@unet-fleet/coordinator';
import { exitCodes, UserError } from '@unet-fleet/law';
import { engineFolder } from '@unet-fleet/shared';
import { script } from '../chaos/command.ts';
import { findProgram } from './find-program.ts';
import { compiler, pip } from './known.ts';
import { lookFor, packagesOf, type Tool, textOf } from './tool.ts';

/** The options of every check that needs tools, for parseArgs. */
export const toolOptions = {
  'allow-missing': { type: 'boolean', default: false },
  install: { type: 'boolean', default: false },
} as const;

export const toolUsage = `  --install            have apt-get install what is missing, as root (default: say what is missing, and end with 3)
  --allow-missing      leave out what needs tools that are missing; the check ends with 0 where that is all of it`;

export interface Choices {
  'allow-missing': boolean;
  install: boolean;
  /** Also tell a program what is missing, on standard output. */
  json?: boolean;
}

export interface Tools {
  /** Path of a tool; '' for one that has none, and for one that is missing and may be. */
  pathOf(name: string): string;
  /** Parts that are left out. */
  leftOut: string[];
}

const tell = (text: string): void => void process.stderr.write(`${text}\n`);

/**
 * Looks for all tools, and for those of set-up where the engine is not set up yet; then fetches what can be fetched, and
 * sets up. Ends the process where something is missing: with 3, or with 0 where it may be missing and nothing is left.
 */
export async function requireTools(
  check: string,
  tools: readonly Tool[],
  choices: Choices,
  { needsEngine = true } = {},
): Promise<Tools> {
  try {
    const all = [...(needsEngine ? await toolsOfSetUp() : []), ...tools];
    const ready = await findOrFetch(check, all, choices);
    if (needsEngine) setUp();
    return ready;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    tell(`${check}: ${error.message}`);
    process.exit(error.exitCode);
  }
}

async function findOrFetch(check: string, tools: readonly Tool[], choices: Choices): Promise<Tools> {
  let look = await lookFor(tools);
  if (look.missing.length > 0 && choices.install) {
    install(packagesOf(look.missing));
    look = await lookFor(tools);
  }
  const { missing, found, toFetch } = look;
  if (missing.length > 0) {
    tell(textOf(check, missing));
    const mayGoOn = choices['allow-missing'];
    const isAllLeftOut = missing.some(({ part }) => part === undefined);
    if (!mayGoOn || isAllLeftOut) {
      if (choices.json) {
        const shown = missing.map(({ name, why, remedy }) => ({ name, why, remedy }));
        console.log(JSON.stringify({ isLeftOut: mayGoOn, missing: shown }, null, 2));
      }
      tell(mayGoOn ? `${check} is left out.` : remedyOf(missing));
      process.exit(mayGoOn ? exitCodes.ok : exitCodes.unavailable);
    }
  }
  for (const tool of toFetch) found.set(tool.name, await tool.fetch!.run(tell));
  const leftOut = missing.flatMap(({ part }) => part ?? []);
  for (const part of leftOut) tell(`left out: ${part}`);
  return { pathOf: (name) => found.get(name) ?? '', leftOut };
}

function remedyOf(missing: readonly Tool[]): string {
  const packages = packagesOf(missing);
  const canInstall = packages.length > 0 && findProgram(['apt-get']) !== null;
  const by = canInstall ? `--install has apt-get install ${packages.join(' ')}; ` : '';
  return `${by}--allow-missing leaves out what needs them, and ends with 0.`;
}

/** @throws UserError where apt-get can't do it, or may not */
function install(packages: readonly string[]): void {
  if (packages.length === 0) return;
  if (process.getuid?.() !== 0) throw new UserError('--install needs root: run it with sudo');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const stdio = ['ignore', process.stderr, process.stderr] as const;
  const run = (...args: string[]) => spawnSync('apt-get', args, { env, stdio: [...stdio] });
  const update = run('update', '-qq');
  if (update.error) throw new UserError('--install needs apt-get, which this machine has not');
  const { status } = run('install', '-qq', '--yes', '--no-install-recommends', ...packages);
  if (status === 0) return;
  throw new UserError(`apt-get did not install ${packages.join(' ')}: see above`, exitCodes.unavailable);
}

/**
 * What set-up will call, as far as that can be told from what its folder has: another clone may have fetched and compiled
 * all of it. Set-up says for itself what else it lacks.
 */
async function toolsOfSetUp(): Promise<Tool[]> {
  const has = (folder: string, name: string): boolean => {
    const path = join(engineFolder(), folder);
    return existsSync(path) && readdirSync(path).some((entry) => entry.startsWith(name));
  };
  const isFetched = has('wheels', 'tensorflow') && (await natsServerHere()) !== null;
  return [...(isFetched ? [] : [pip]), ...(has('addons', '') ? [] : [compiler])];
}

/** `unet-fleet setup`: under a second where all is there. It says itself what it lacks. */
function setUp(): void {
  const { status } = spawnSync(process.execPath, [script, 'setup'], {
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0) process.exit(status ?? exitCodes.internal);
}
