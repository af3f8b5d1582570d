/** The credentials of a deployment: read from their folder, which is made where it is not there, with keys to spare. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { makeCredentials } from '@unet-fleet/coordinator';
import { type Credentials, names, paths, ports } from '@unet-fleet/deploy';
import { UserError } from '@unet-fleet/law';
import { readBounded } from '@unet-fleet/shared';
import type { Io } from './io.ts';
import { shown } from './shown.ts';

export interface CredentialsWish {
  /** '' for the usual one, or with an external broker for none. */
  folder: string;
  namespace: string;
  /** The broker is not this deployment's own. */
  isExternal: boolean;
  numWorkers: number;
  /** Keys to make; default: enough for four times as many, and for 32. */
  maxWorkers?: number;
}

const usualFolder = 'credentials';
/** The server's configuration has a kilobyte per worker. */
const maxFileBytes = 16 * 2 ** 20;
const brokerFiles = ['nats-server.conf', 'server.pem', 'server-key.pem'];

/** Names that the broker's certificate is for: those by which the Service is found in its namespace, and from others. */
const hostsIn = (namespace: string): string[] => {
  const name = names.nats;
  return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`];
};

/**
 * Null where an external broker is used without credentials. `told` says what was made.
 * @throws UserError if the folder is not usable for this deployment
 */
export async function deployCredentials(
  {
    folder: wanted,
    namespace,
    isExternal,
    numWorkers,
    maxWorkers = Math.max(32, 4 * numWorkers),
  }: CredentialsWish,
  io: Io,
): Promise<{ credentials: Credentials | null; told: string }> {
  const folder = resolve(io.cwd, wanted || usualFolder);
  // Keys that lie about may be those of another broker.
  if (isExternal && wanted === '') return { credentials: null, told: '' };
  let told = '';
  if (!existsSync(join(folder, 'coordinator.seed'))) {
    if (isExternal) {
      throw new UserError(
        `${folder} holds no credentials: for a NATS server outside, --credentials takes a folder with coordinator.seed, workers/*.seed and ca.pem`,
      );
    }
    const made = await makeCredentials({
      folder,
      numWorkers: maxWorkers,
      hosts: hostsIn(namespace),
      port: ports.nats,
      serverFolder: paths.brokerFolder,
      now: new Date(),
    });
    told = `made credentials for up to ${made.numWorkers} workers in ${shown(folder, io)}: keep the folder, and keep it secret`;
  }
  const workerSeeds = seedsIn(folder);
  if (workerSeeds.length < numWorkers) {
    const missing = numWorkers - workerSeeds.length;
    throw new UserError(
      `${folder} has keys for ${workerSeeds.length} workers, not for ${numWorkers}: add some with npx unet-fleet credentials --out ${folder} --add ${missing}`,
    );
  }
  const caPath = join(folder, 'ca.pem');
  const broker = isExternal
    ? null
    : Object.fromEntries(brokerFiles.map((name) => [name, contents(join(folder, 'broker', name))]));
  if (broker && !broker['nats-server.conf']!.includes(`"${paths.brokerFolder}/server.pem"`)) {
    throw new UserError(
      `the broker of ${folder} is not for a cluster: name a folder that is not there with --credentials, and it is made`,
    );
  }
  return {
    credentials: {
      coordinatorSeed: contents(join(folder, 'coordinator.seed')),
      workerSeeds,
      ca: existsSync(caPath) ? contents(caPath) : '',
      broker,
    },
    told,
  };
}

/** Seeds of the workers that the broker lets in, in the order of their numbers. */
function seedsIn(folder: string): string[] {
  const workers = join(folder, 'workers');
  const seeds = existsSync(workers) ? readdirSync(workers).filter((name) => name.endsWith('.seed')) : [];
  const identities = identitiesIn(folder);
  return seeds
    .filter((name) => identities === null || identities.has(basename(name, '.seed')))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => contents(join(workers, name)));
}

/** Those that have not been revoked; null for keys that something else made. */
function identitiesIn(folder: string): Set<string> | null {
  const path = join(folder, 'fleet.json');
  if (!existsSync(path)) return null;
  try {
    const { users } = JSON.parse(contents(path)) as { users: { identity: string }[] };
    return new Set(users.map(({ identity }) => identity));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} is damaged: restore it, or make new credentials in another folder`);
  }
}

function contents(path: string): string {
  try {
    return readBounded(path, maxFileBytes).toString('utf8');
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(
      `${path} can't be read (${code}): name a folder that unet-fleet credentials has made with --credentials`,
    );
  }
}
