/**
 * Credentials of a cluster as a folder of files: who may speak as whom at the broker, and how the broker proves itself.
 * What it keeps true: nothing that is there is written over but the broker's own configuration and certificate, a
 * folder is either complete or not there, and no secret is readable for anybody but its owner.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { isIP } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { createUser } from '@nats-io/nkeys';
import { UserError } from '@unet-fleet/law';
import { atExit, explained, makeFolder, writeWholeSync } from '@unet-fleet/shared';
import { coordinatorIdentity, reducerIdentity, safeId } from '@unet-fleet/wire';
import { seedFileText } from '@unet-fleet/wire/transport/credentials';
import { z } from 'zod';
import { type FleetUser, serverConfigText } from '../server-config.ts';
import { makeAuthority, makeServerCertificate } from './certificates.ts';
import { showAuthority, writeJoinUrls } from './join-urls.ts';
import { readmeText } from './readme.ts';

export interface CredentialsOptions {
  folder: string;
  numWorkers: number;
  /** Names and addresses under which clients reach the broker. */
  hosts: readonly string[];
  port: number;
  /** Where the broker's files will lie on its machine; '' for where they are made. */
  serverFolder: string;
  now: Date;
}

export interface ChangeOptions {
  folder: string;
  /** Workers to add. */
  numWorkers: number;
  /** Identities whose keys are no longer to be let in. */
  revoked: readonly string[];
  /** Of a new certificate; empty: the certificate stays. */
  hosts: readonly string[];
  now: Date;
}

export interface CredentialsReport {
  folder: string;
  hosts: string[];
  /** Identities whose seeds were written. */
  written: string[];
  numWorkers: number;
}

const nkey = z.string().regex(/^U[A-Z2-7]{55}$/);
const fleetSchema = z.object({
  formatVersion: z.literal(1),
  hosts: z.array(z.string().max(255)).min(1).max(100),
  port: z.number().int().min(1).max(65_535),
  serverFolder: z.string().max(4_096),
  /** Number of the next worker: one that was revoked is never given again. */
  nextWorker: z.number().int().min(1).max(1_000_000),
  users: z.array(z.object({ identity: z.string().regex(safeId), nkey })).max(100_000),
  monitor: nkey,
});
type Fleet = z.infer<typeof fleetSchema>;

const secret = { mode: 0o600 };
const configName = join('broker', 'nats-server.conf');

/**
 * Makes a folder with the credentials of one coordinator, its reducers and workers, and their broker.
 * @throws UserError if something is there already, a host is none, or the folder cannot be written
 */
export async function makeCredentials(options: CredentialsOptions): Promise<CredentialsReport> {
  const folder = resolve(options.folder);
  const { hosts, port, now } = options;
  checkHosts(hosts);
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new UserError(
      `${folder} is not empty, and credentials are never written over: name a new folder with --out, or give --add to add workers to those that are there`,
    );
  }
  return await writing(folder, async () => {
    makeFolder(dirname(folder));
    const unfinished = mkdtempSync(`${folder}.unfinished-`);
    const isDone = atExit(() => rmSync(unfinished, { recursive: true, force: true }));
    try {
      for (const part of ['authority', 'broker', 'workers'])
        mkdirSync(join(unfinished, part), { mode: 0o700 });
      const monitor = writeSeed(unfinished, 'monitor', 'monitor.seed');
      const fleet: Fleet = {
        formatVersion: 1,
        hosts: [...hosts],
        port,
        serverFolder: options.serverFolder || join(folder, 'broker'),
        users: [
          {
            identity: coordinatorIdentity,
            nkey: writeSeed(unfinished, coordinatorIdentity, 'coordinator.seed'),
          },
        ],
        nextWorker: 1,
        monitor,
      };
      const written = [
        ...addReducer(unfinished, fleet),
        ...addWorkers(unfinished, fleet, options.numWorkers),
      ];
      const authority = await makeAuthority(now);
      writeFileSync(join(unfinished, 'authority', 'ca-key.pem'), authority.key, secret);
      writeFileSync(join(unfinished, 'ca.pem'), authority.certificate);
      await writeServerCertificate(unfinished, authority, hosts, now);
      writeLists(unfinished, fleet);
      writeJoinUrls(unfinished, targetsOf(fleet));
      // Empty, or not there: whichever, this takes its place.
      rmSync(folder, { recursive: true, force: true });
      renameSync(unfinished, folder);
      return report(folder, fleet, [coordinatorIdentity, 'monitor', ...written]);
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      throw error;
    } finally {
      isDone();
    }
  });
}

/**
 * Adds workers to a folder of credentials, revokes some, or gives its broker a new certificate. Reducers that have no key
 * (any more) get a new one.
 * @throws UserError if it is no such folder, an identity is not there, or it can't be written
 */
export async function changeCredentials({
  hosts,
  numWorkers,
  revoked,
  ...options
}: ChangeOptions): Promise<CredentialsReport> {
  const folder = resolve(options.folder);
  const fleet = readFleet(folder);
  return await writing(folder, async () => {
    revoke(folder, fleet, revoked);
    const written = [...addReducer(folder, fleet), ...addWorkers(folder, fleet, numWorkers)];
    if (hosts.length > 0) {
      checkHosts(hosts);
      fleet.hosts = [...hosts];
      const key = readFileSync(join(folder, 'authority', 'ca-key.pem'), 'utf8');
      const certificate = readFileSync(join(folder, 'ca.pem'), 'utf8');
      await writeServerCertificate(folder, { key, certificate }, hosts, options.now);
    }
    showAuthority(folder);
    writeLists(folder, fleet);
    writeJoinUrls(folder, targetsOf(fleet));
    return report(folder, fleet, written);
  });
}

const report = (folder: string, fleet: Fleet, written: string[]): CredentialsReport => ({
  folder,
  hosts: fleet.hosts,
  written,
  numWorkers: workersOf(fleet).length,
});

function checkHosts(hosts: readonly string[]): void {
  if (hosts.length === 0) {
    throw new UserError(
      'the broker needs a certificate for the names by which it is reached: give them by --hosts, such as --hosts broker.example.org,10.0.0.5',
    );
  }
  const name =
    /^(?=.{1,253}$)(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
  for (const host of hosts) {
    if (isIP(host) === 0 && !name.test(host)) {
      throw new UserError(
        `${JSON.stringify(host)} is neither a host's name nor an IP address: check --hosts`,
      );
    }
  }
}

/** Writes a new key, readable for its owner alone, and returns its public half. Never over another one. */
function writeSeed(folder: string, identity: string, path: string): string {
  const key = createUser();
  writeFileSync(join(folder, path), seedFileText(identity, key.getSeed()), { ...secret, flag: 'wx' });
  return key.getPublicKey();
}

const workersOf = ({ users }: Fleet): string[] =>
  users
    .map(({ identity }) => identity)
    .filter((identity) => identity !== coordinatorIdentity && identity !== reducerIdentity);

/** All of them have one key; folders of versions before have none. */
function addReducer(folder: string, fleet: Fleet): string[] {
  if (fleet.users.some(({ identity }) => identity === reducerIdentity)) return [];
  const nkey = writeSeed(folder, reducerIdentity, `${reducerIdentity}.seed`);
  fleet.users.push({ identity: reducerIdentity, nkey });
  return [reducerIdentity];
}

function addWorkers(folder: string, fleet: Fleet, numWorkers: number): string[] {
  const identities = Array.from({ length: numWorkers }, (_, i) => `worker-${fleet.nextWorker + i}`);
  fleet.nextWorker += numWorkers;
  for (const identity of identities) {
    fleet.users.push({ identity, nkey: writeSeed(folder, identity, join('workers', `${identity}.seed`)) });
  }
  return identities;
}

function revoke(folder: string, fleet: Fleet, revoked: readonly string[]): void {
  for (const identity of revoked) {
    if (!fleet.users.some((user) => user.identity === identity)) {
      const known = fleet.users.map((user) => user.identity).join(', ');
      throw new UserError(`there is no ${identity} to revoke: the credentials are of ${known}`);
    }
  }
  fleet.users = fleet.users.filter(({ identity }) => !revoked.includes(identity));
  for (const identity of revoked) rmSync(join(folder, 'workers', `${identity}.join`), { force: true });
  if (!revoked.includes(reducerIdentity)) return;
  for (const end of ['seed', 'join']) rmSync(join(folder, `${reducerIdentity}.${end}`), { force: true });
}

async function writeServerCertificate(
  folder: string,
  authority: { key: string; certificate: string },
  hosts: readonly string[],
  now: Date,
): Promise<void> {
  const server = await makeServerCertificate(authority, hosts, now);
  writeWholeSync(join(folder, 'broker', 'server-key.pem'), server.key, 0o600);
  // With the authority's, which those who join by a URL look for.
  writeWholeSync(join(folder, 'broker', 'server.pem'), server.certificate + authority.certificate, 0o644);
}

const targetsOf = (fleet: Fleet) => ({ hosts: fleet.hosts, port: fleet.port, workers: workersOf(fleet) });

/** What follows from the list of users: the list itself comes last, so that it never names what is not there. */
function writeLists(folder: string, fleet: Fleet): void {
  const { hosts, port, serverFolder } = fleet;
  const users: FleetUser[] = fleet.users.map((user) => ({
    identity: user.identity,
    login: { nkey: user.nkey },
  }));
  const config = serverConfigText({
    title: 'Made by unet-fleet credentials. Public keys only: the private halves are in the .seed files.',
    host: '0.0.0.0',
    port,
    users,
    monitor: { nkey: fleet.monitor },
    tls: { certificate: join(serverFolder, 'server.pem'), key: join(serverFolder, 'server-key.pem') },
    files: null,
  });
  const { workers } = targetsOf(fleet);
  writeWholeSync(join(folder, configName), config, 0o600);
  writeWholeSync(join(folder, 'README.md'), readmeText({ hosts, port, serverFolder, workers }), 0o644);
  writeWholeSync(join(folder, 'fleet.json'), `${JSON.stringify(fleet, null, 2)}\n`, 0o600);
}

function readFleet(folder: string): Fleet {
  const path = join(folder, 'fleet.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new UserError(
      `${folder} holds no credentials of unet-fleet (no ${basename(path)}): name the folder with --out, or leave --add out to make new ones`,
    );
  }
  const fleet = fleetSchema.safeParse(parsed(text)).data;
  if (!fleet)
    throw new UserError(`${path} is damaged: restore it, or make new credentials in another folder`);
  return fleet;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function writing(folder: string, work: () => Promise<CredentialsReport>): Promise<CredentialsReport> {
  try {
    return await work();
  } catch (error) {
    const instead = 'or name another folder with --out';
    throw explained(error, { what: 'the credentials', path: folder, instead });
  }
}
