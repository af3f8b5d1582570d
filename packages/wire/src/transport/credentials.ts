/**
 * Who a process is at the broker, and how it proves that: a user and password, or a file with the private half of a
 * key. The file names its identity in a comment, so that whoever has it knows which subjects are its own.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { type Authenticator, credsAuthenticator, nkeyAuthenticator } from '@nats-io/transport-node';
import { UserError } from '@unet-fleet/law';
import { errnoOf, explained } from '@unet-fleet/shared';
import {
  coordinatorIdentity,
  reducerIdentity,
  safeId,
  sharedWorkerIdentity,
  workerIdentityOf,
} from '../protocol/subjects.ts';

export interface SeedFile {
  /** From the file's comment; null where it has none. */
  identity: string | null;
  authenticator: Authenticator;
}

/** A key or a signed claim is far smaller; whatever is larger was named by mistake. */
const maxBytes = 64 * 1024;
const seedLine = /^SU[A-Z2-7]{56}$/m;
const identityLine = /^#\s*identity:\s*(\S+)\s*$/m;
const isClaim = /-----BEGIN NATS USER JWT-----/;

/** Text of a seed file for this identity, as NATS's own tools read it too. */
export const seedFileText = (identity: string, seed: Uint8Array): string =>
  `# Lets its holder in at the broker as ${identity}: keep it secret.\n# identity: ${identity}\n${Buffer.from(seed).toString('ascii')}\n`;

/**
 * Reads a key (a line beginning with SU) or a NATS credentials file.
 * @throws UserError if it is missing, unreadable, or neither
 */
export function readSeedFile(path: string): SeedFile {
  const text = readSmallFile(path, '--nats-seed');
  const named = identityLine.exec(text)?.[1] ?? null;
  const identity = named !== null && safeId.test(named) ? named : null;
  if (isClaim.test(text)) return { identity, authenticator: credsAuthenticator(Buffer.from(text)) };
  const seed = seedLine.exec(text.replaceAll('\r', ''))?.[0];
  if (seed === undefined) {
    throw new UserError(
      `${path} holds no key for a broker: --nats-seed takes a file that unet-fleet credentials has made, or a NATS credentials file`,
    );
  }
  return { identity, authenticator: nkeyAuthenticator(Buffer.from(seed)) };
}

/** The key itself, of a file that holds one. Throws a UserError if it is missing, unreadable, or holds none. */
export function readSeed(path: string): string {
  const seed = seedLine.exec(readSmallFile(path, '--nats-seed').replaceAll('\r', ''))?.[0];
  if (seed === undefined) throw new UserError(`${path} holds no key: restore it, or revoke that worker`);
  return seed;
}

/** The PEM text of certificates. Throws a UserError if the file is missing, unreadable, or holds none or a damaged one. */
export function readCertificates(path: string): string {
  const text = readSmallFile(path, '--nats-ca');
  const begins = text.split('-----BEGIN CERTIFICATE-----').slice(1);
  if (begins.length === 0) {
    throw new UserError(
      `${path} holds no certificate: --nats-ca takes the broker's authority as PEM, such as ca.pem`,
    );
  }
  if (!begins.every((body) => isCertificate(`-----BEGIN CERTIFICATE-----${body}`))) {
    throw new UserError(`${path} holds a damaged certificate: copy the broker's authority again`);
  }
  return text;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** The identity that the credentials give: what the broker's permissions know this process by. */
export function identityAt({ user, seed = '' }: { user: string; seed?: string }): string {
  if (seed !== '') return readSeedFile(seed).identity ?? sharedWorkerIdentity;
  return user === coordinatorIdentity || user === reducerIdentity ? user : workerIdentityOf(user);
}

function readSmallFile(path: string, flag: string): string {
  try {
    if (!statSync(path).isFile()) throw new UserError(`${path} is no file: check ${flag}`);
    const bytes = readFileSync(path);
    if (bytes.byteLength > maxBytes)
      throw new UserError(`${path} is too large for what ${flag} takes: check it`);
    return bytes.toString('utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw new UserError(`there is no file ${path}: check ${flag}`);
    throw explained(error, { path, instead: `or check ${flag}` });
  }
}
