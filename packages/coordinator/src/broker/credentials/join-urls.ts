/**
 * The join URLs of a cluster's workers and reducers: each holds its holder's key and the fingerprint of the authority, whose
 * certificate the broker therefore shows beside its own.
 */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWholeSync } from '@unet-fleet/shared';
import { formatJoinUrl, isHost, reducerIdentity } from '@unet-fleet/wire';
import { readSeed } from '@unet-fleet/wire/transport/credentials';
import { fingerprintOf } from '@unet-fleet/wire/transport/join';

export interface JoinTargets {
  /** Names and addresses of the broker; the URLs are for the first that is no pattern. */
  hosts: readonly string[];
  port: number;
  /** Identities. */
  workers: readonly string[];
}

/** For the reducers and each worker whose key is here, the one line by which it joins, readable for the owner alone. */
export function writeJoinUrls(folder: string, { hosts, port, workers }: JoinTargets): void {
  const host = hosts.find(isHost);
  if (host === undefined) return;
  const fingerprint = fingerprintOf(new X509Certificate(readFileSync(join(folder, 'ca.pem'))).raw);
  const files = workers.map((identity) => ({ identity, path: join(folder, 'workers', identity) }));
  for (const { identity, path } of [
    ...files,
    { identity: reducerIdentity, path: join(folder, reducerIdentity) },
  ]) {
    const seed = `${path}.seed`;
    if (!existsSync(seed)) continue;
    const url = formatJoinUrl({ identity, secret: readSeed(seed), host, port, runId: '', fingerprint });
    writeWholeSync(`${path}.join`, `${url}\n`, 0o600);
  }
}

/** In a folder of an earlier version the server has its own certificate alone. */
export function showAuthority(folder: string): void {
  const path = join(folder, 'broker', 'server.pem');
  const [shown, authority] = [readFileSync(path, 'utf8'), readFileSync(join(folder, 'ca.pem'), 'utf8')];
  if (!shown.includes(authority.trim())) writeWholeSync(path, shown + authority, 0o644);
}
