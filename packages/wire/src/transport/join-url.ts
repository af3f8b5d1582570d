/**
 * The one line by which a worker of another machine finds its broker, proves who it is, and knows whom it speaks to:
 *   unet-fleet://worker:SECRET@10.0.0.5:4222/RUN#sha256:FINGERPRINT
 * Pure and strict. What it keeps true: a text is read in one way or not at all, what is read is written as the same
 * text again, and no sentence about a faulty one repeats any of it, for it holds a secret.
 */
import { isIP } from 'node:net';
import { UserError } from '@unet-fleet/law';
import { coordinatorIdentity, safeId } from '../protocol/subjects.ts';

export interface JoinUrl {
  /** Who its holder is at the broker, such as worker or worker-3. */
  identity: string;
  /** Password of that user, or the private half of its key. */
  secret: string;
  /** Name or IP address, without brackets. */
  host: string;
  port: number;
  /** '' where the broker may have several runs. */
  runId: string;
  /** SHA-256 of the certificate (DER) of the authority that vouches for the broker, in hexadecimal. */
  fingerprint: string;
}

/** Far more than the longest that can be written. */
export const maxJoinUrlLength = 1_024;
const scheme = 'unet-fleet://';
const form =
  /^unet-fleet:\/\/([^:@/#[\]]*):([^:@/#[\]]*)@(?:\[([^[\]]*)\]|([^:@/#[\]]*)):([^:@/#[\]]*)(?:\/([^:@/#[\]]*))?#sha256:([^#]*)$/;
/** Of a password in base64url, or a key as NATS writes it; a shorter one could be guessed. */
const secretForm = /^[A-Za-z0-9_-]{22,128}$/;
const keyForm = /^SU[A-Z2-7]{56}$/;
const nameForm = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const fingerprintForm = /^[0-9a-f]{64}$/;
const remedy = 'copy the whole line that the coordinator prints, and put it in quotes';

/** Whether a secret is a key rather than a password. */
export const isKey = (secret: string): boolean => keyForm.test(secret);

/** Throws a plain Error for parts that no join URL can have. */
export function formatJoinUrl({ identity, secret, host, port, runId, fingerprint }: JoinUrl): string {
  const at = host.includes(':') ? `[${host}]` : host;
  const url = `${scheme}${identity}:${secret}@${at}:${port}${runId === '' ? '' : `/${runId}`}#sha256:${fingerprint}`;
  const fault = faultOf({ identity, secret, host, port: String(port), runId, fingerprint });
  if (fault !== null) throw new Error(`no join URL can be made: ${fault}`);
  return url;
}

/** @throws UserError if the text is not a join URL to the last character */
export function parseJoinUrl(text: string): JoinUrl {
  const [, identity = '', secret = '', v6, name, port = '', runId, fingerprint = ''] =
    text.length > maxJoinUrlLength ? [] : (form.exec(text) ?? []);
  if (identity === '') throw new UserError(`this is no join URL (${shapeFault(text)}): ${remedy}`);
  const host = v6 ?? name ?? '';
  const parts = { identity, secret, host, port, runId: runId ?? '', fingerprint };
  const bracketsFit = (v6 !== undefined) === (isIP(host) === 6);
  const fault = runId === '' ? 'its run is empty' : bracketsFit ? faultOf(parts) : 'its host is none';
  if (fault !== null) throw new UserError(`the join URL is damaged (${fault}): ${remedy}`);
  return { ...parts, port: Number(port) };
}

function shapeFault(text: string): string {
  if (text === '') return 'it is empty';
  if (text.length > maxJoinUrlLength) return 'it is too long';
  if (!text.startsWith(scheme)) return `it does not begin with ${scheme}`;
  if (!text.includes('#sha256:')) return 'its end is missing, from #sha256: on';
  return 'its parts are not unet-fleet://name:secret@host:port/run#sha256:fingerprint';
}

type Parts = Omit<JoinUrl, 'port'> & { port: string };

function faultOf({ identity, secret, host, port, runId, fingerprint }: Parts): string | null {
  if (!safeId.test(identity)) return 'its user is none';
  if (identity === coordinatorIdentity) return 'its user is the coordinator, as which no worker joins';
  if (!secretForm.test(secret)) return 'its secret is none';
  if (!isHost(host)) return 'its host is none';
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535) return 'its port is none';
  if (runId !== '' && !safeId.test(runId)) return 'its run is none';
  return fingerprintForm.test(fingerprint) ? null : 'its fingerprint is none';
}

/** Whether this is a name or an IP address that a join URL can hold; of digits and dots alone there are only addresses. */
export const isHost = (host: string): boolean =>
  isIP(host) !== 0 ? !host.includes('%') : nameForm.test(host) && !/^[\d.]+$/.test(host);
