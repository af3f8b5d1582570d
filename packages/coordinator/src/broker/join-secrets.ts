/**
 * What makes a run's own broker safe to reach from other machines, and its join URL last: the passwords of workers and reducers and the
 * authority that vouches for the broker, in one file of the run folder. What it keeps true: the file is written whole and
 * readable for its owner alone, and as long as it is there, every start of the broker is the one that earlier URLs mean.
 */
import { randomBytes, X509Certificate } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@unet-fleet/law';
import { explained, isErrno, makeFolder, readBounded, writeWholeSync } from '@unet-fleet/shared';
import { isHost } from '@unet-fleet/wire';
import { fingerprintOf } from '@unet-fleet/wire/transport/join';
import { z } from 'zod';
import { makeAuthority, makeServerCertificate } from './credentials/certificates.ts';

/** For an embedded broker that other machines reach. */
export interface JoinSecrets {
  /** Of the workers' shared user. */
  workerPassword: string;
  /** Of the reducers'. */
  reducerPassword: string;
  /** PEM. */
  authority: string;
  /** SHA-256 of the authority's certificate, as join URLs pin it. */
  fingerprint: string;
  /** PEM of the server's certificate and the authority's, which the server shows together. */
  certificates: string;
  /** PEM. */
  key: string;
  /** Whether an earlier start of this broker may still be ending. */
  isKept: boolean;
}

const fileName = 'join.json';
const maxFileBytes = 64 * 1024;
/** Hosts of earlier URLs, under which workers that joined come back. */
const maxHosts = 8;
const password = z.string().regex(/^[A-Za-z0-9_-]{32}$/);
const newPassword = (): string => randomBytes(24).toString('base64url');
const schema = z.object({
  formatVersion: z.literal(1),
  workerPassword: password,
  /** Made when it is missing: files of versions before have none. */
  reducerPassword: password.default(newPassword),
  authority: z.object({ key: z.string().max(4_096), certificate: z.string().max(4_096) }),
  hosts: z.array(z.string().refine(isHost)).max(maxHosts),
});
type Kept = z.infer<typeof schema>;

/**
 * Reads the secrets of the folder, or makes them; the server's certificate is always new, and by the same authority.
 * @throws UserError if what is kept is damaged, or can't be read or written
 */
export async function openJoinSecrets(
  folder: string,
  hosts: { join: string; own: readonly string[] },
  now: Date,
): Promise<JoinSecrets> {
  const path = join(folder, fileName);
  const kept = readKept(path);
  const { workerPassword, reducerPassword, authority } = kept ?? {
    workerPassword: newPassword(),
    reducerPassword: newPassword(),
    authority: await makeAuthority(now),
  };
  const joinHosts = [...new Set([hosts.join, ...(kept?.hosts ?? [])])].slice(0, maxHosts);
  writeKept(folder, { formatVersion: 1, workerPassword, reducerPassword, authority, hosts: joinHosts });
  const server = await makeServerCertificate(authority, [...new Set([...joinHosts, ...hosts.own])], now);
  return {
    workerPassword,
    reducerPassword,
    authority: authority.certificate,
    fingerprint: fingerprintOf(new X509Certificate(authority.certificate).raw),
    certificates: server.certificate + authority.certificate,
    key: server.key,
    isKept: kept !== null,
  };
}

/** Null where there is none yet. */
function readKept(path: string): Kept | null {
  let text: string;
  try {
    text = readBounded(path, maxFileBytes).toString('utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw explained(error, { path });
  }
  try {
    const kept = schema.parse(JSON.parse(text));
    new X509Certificate(kept.authority.certificate);
    return kept;
  } catch {
    throw new UserError(
      `${path} is damaged: restore it from a copy, or remove it, and workers need the join URL that is printed then`,
    );
  }
}

function writeKept(folder: string, kept: Kept): void {
  const path = join(folder, fileName);
  try {
    makeFolder(folder);
    chmodSync(folder, 0o700);
    writeWholeSync(path, `${JSON.stringify(kept, null, 2)}\n`, 0o600);
  } catch (error) {
    throw explained(error, { what: 'the join URL', path });
  }
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

const isUnspecified = (host: string): boolean => host === '0.0.0.0' || host === '::';

/**
 * The host for a join URL: the one that was named, the one that the broker listens on, or this machine's first address
 * that others may reach.
 * @throws UserError if it is no host, or there is no such address
 */
export function joinHostOf(
  { joinHost, natsHost }: { joinHost: string; natsHost: string },
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): string {
  if (joinHost !== '') {
    if (isHost(joinHost)) return joinHost;
    throw new UserError(
      `--join-host ${joinHost} is neither a host's name nor an IP address: give one under which workers reach this machine`,
    );
  }
  if (!isUnspecified(natsHost) && isHost(natsHost)) return natsHost;
  const addresses = Object.values(interfaces).flatMap((of) => of ?? []);
  const outer = (family: string) =>
    addresses.find((of) => of.family === family && !of.internal && !/^fe[89ab]/i.test(of.address))?.address;
  const [v4, v6] = [outer('IPv4'), outer('IPv6')];
  // A broker on :: hears both.
  const reached = v4 ?? (natsHost === '::' ? v6 : undefined);
  if (reached) return reached;
  if (v6) {
    throw new UserError(
      `this machine has no IPv4 address that others reach, and the broker listens on ${natsHost}: give --nats-host :: for IPv6`,
    );
  }
  throw new UserError(
    'this machine has no address that others reach: name one by --join-host, or give --nats-host 127.0.0.1 for workers of this machine alone',
  );
}
