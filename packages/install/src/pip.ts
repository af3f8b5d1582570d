/**
 * Downloads by the user's own pip, so that the index, proxy, certificates and credentials that are set up for Python
 * hold here too. Which file comes is decided by the pinned tags, not by the Python that runs pip.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, UserError } from '@unet-fleet/law';
import { type Environment, makeFolder } from '@unet-fleet/shared';
import { type CommandResult, lastLine, runCommand } from './command.ts';

const pollMs = 200;

const noPython =
  'there is no python3 on PATH: install Python 3 with pip (Debian: apt install python3-pip), which fetches TensorFlow and nats-server, once';

/**
 * The version of the user's pip and Python, such as "pip 23.2.1 (python 3.11)".
 * @throws UserError if there is no python3 or no pip
 */
export async function pipVersion(env: Environment = process.env): Promise<string> {
  const result = await runCommand('python3', ['-m', 'pip', '--version'], { env, missing: noPython });
  if (result.exitCode !== 0) {
    throw new UserError(
      `python3 has no pip (${lastLine(result.stderr)}): install it (Debian: apt install python3-pip; elsewhere: python3 -m ensurepip)`,
      exitCodes.unavailable,
    );
  }
  return result.stdout.replace(/ from .* \(python/, ' (python').trim();
}

export interface PipDownload {
  name: string;
  version: string;
  /** As in the wheel's file name, such as cp312; 'none' for wheels that need no Python. */
  abi: string;
  /** As in the wheel's file name, such as manylinux_2_28_x86_64. */
  platformTag: string;
}

/**
 * Downloads one wheel into `folder`.
 * @param onBytes called with the bytes that are there so far
 * @returns path of the wheel
 * @throws UserError for no python3, no pip, no network, a full disk, or an index without this wheel
 */
export async function pipDownload(
  wheel: PipDownload,
  folder: string,
  onBytes: (bytes: number) => void,
  env: Environment = process.env,
): Promise<string> {
  await pipVersion(env);
  // pip writes to its temporary folder first: there it is seen growing, and it is on the cache's disk.
  const temporary = join(folder, 'pip');
  const downloaded = join(folder, 'downloaded');
  makeFolder(temporary);
  const args = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--no-cache-dir'];
  args.push('--progress-bar=off', '--disable-pip-version-check', '--python-version=3.12');
  args.push('--implementation=cp', `--abi=${wheel.abi}`, `--platform=${wheel.platformTag}`);
  args.push(`--dest=${downloaded}`, `${wheel.name}==${wheel.version}`);
  let numBytes = 0;
  const timer = setInterval(() => {
    // The file leaves the temporary folder at the end.
    numBytes = Math.max(numBytes, largestFileBytes(temporary));
    onBytes(numBytes);
  }, pollMs);
  try {
    const result = await runCommand('python3', args, {
      env: { ...env, TMPDIR: temporary },
      missing: noPython,
    });
    if (result.exitCode !== 0) throw pipError(result, wheel);
  } finally {
    clearInterval(timer);
  }
  const files = readdirSync(downloaded).filter((name) => name.endsWith('.whl'));
  if (files.length !== 1) throw new Error(`pip left ${files.length} wheels in ${downloaded}`);
  return join(downloaded, files[0]!);
}

function largestFileBytes(folder: string): number {
  let largest = 0;
  try {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const status = statSync(join(folder, name), { throwIfNoEntry: false });
      if (status?.isFile()) largest = Math.max(largest, status.size);
    }
  } catch {
    // pip removes folders while they are read; the next look will do.
  }
  return largest;
}

const noNetworkPattern =
  /connection (broken|refused|reset|aborted)|new connection|name resolution|name or service not known|timed out|max retries|network is unreachable|ProxyError|SSLError|NewConnectionError|ConnectTimeout|RemoteDisconnected|IncompleteRead/i;

/** pip's failure as one sentence. Pure, for the tests. */
export function pipError({ stderr }: CommandResult, { name, version, platformTag }: PipDownload): UserError {
  const wheel = `${name} ${version}`;
  if (/no space left|disk quota exceeded/i.test(stderr)) {
    return new UserError(
      `the disk is full while fetching ${wheel}: free some space, or point UNET_FLEET_CACHE to another disk`,
      exitCodes.unavailable,
    );
  }
  if (noNetworkPattern.test(stderr)) {
    return new UserError(
      `${wheel} could not be fetched, the package index does not answer: check the network and pip's settings (python3 -m pip config list), then try again`,
      exitCodes.unavailable,
    );
  }
  if (/no matching distribution|could not find a version/i.test(stderr)) {
    return new UserError(
      `the package index has no ${wheel} for ${platformTag}: check pip's settings (python3 -m pip config list), they must name a complete index`,
      exitCodes.unavailable,
    );
  }
  return new UserError(`pip could not fetch ${wheel}: ${lastLine(stderr)}`, exitCodes.unavailable);
}
