/** Why a broker could not be connected to, as a sentence that names the remedy. */
import { errors } from '@nats-io/transport-node';
import { exitCodes, messageOf, UserError } from '@unet-fleet/law';

export interface Attempt {
  /** The address as it may be shown. */
  shown: string;
  user: string;
  token: string;
  /** Paths; '' for none. */
  seed: string;
  ca: string;
  /** The address is from a join URL, which also says what else the sentences would name options for. */
  isJoined: boolean;
  /** What the broker has said to an attempt that came to nothing; '' for nothing. */
  complaint: string;
}

/** By OpenSSL's codes, as Node gives them. */
const untrusted = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
]);

export function connectError(error: unknown, attempt: Attempt): UserError {
  const message = messageOf(error);
  // The client calls it a refusal, but nothing was refused: this attempt, or the broker, was too slow.
  if (/authentication timeout/i.test(message)) {
    return new UserError(
      `the broker at ${attempt.shown} let nobody in within its time: it or this machine is too busy, so try again`,
      exitCodes.unavailable,
    );
  }
  if (/maximum .*connections exceeded/i.test(attempt.complaint)) {
    return new UserError(
      `the broker at ${attempt.shown} takes no more connections: raise max_connections there (a coordinator has up to 7, a worker up to 3)`,
      exitCodes.unavailable,
    );
  }
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    return new UserError(refusedText(attempt));
  }
  const codes = codesOf(error);
  const has = (...wanted: string[]) => wanted.some((code) => codes.includes(code));
  const { shown, ca, isJoined } = attempt;
  const where = isJoined ? 'the join URL' : '--nats-url';
  if (has('ENOTFOUND', 'EAI_AGAIN')) {
    return new UserError(
      `no host has the name of the broker ${shown}: check ${where} and the name service`,
      exitCodes.unavailable,
    );
  }
  if (isJoined && codes.some((code) => untrusted.has(code) || code === 'ERR_TLS_CERT_ALTNAME_INVALID')) {
    return new UserError(
      `the server at ${shown} is not the one of the join URL, for its certificate was not made by the URL's authority for this host: copy the URL again, and find out what answers there if it stays so`,
    );
  }
  if (codes.some((code) => untrusted.has(code))) {
    return new UserError(
      ca === ''
        ? `the certificate of the broker at ${shown} is of an authority that this machine does not know: give the authority's certificate by --nats-ca`
        : `the certificate of the broker at ${shown} was not made by the authority in ${ca}: check --nats-ca and --nats-url`,
    );
  }
  if (has('ERR_TLS_CERT_ALTNAME_INVALID')) {
    return new UserError(
      `the certificate of the broker at ${shown} is for other hosts: use a name that it holds in --nats-url, or make a certificate with this one in --hosts`,
    );
  }
  if (has('CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID')) {
    const what = has('CERT_HAS_EXPIRED') ? 'has expired' : 'is not valid yet';
    return new UserError(
      `the certificate of the broker at ${shown} ${what}: make a new one${isJoined ? ', which a coordinator does when it is started again' : ''}, or set this machine's clock right`,
    );
  }
  if (/does not support 'tls'/.test(message)) {
    return new UserError(
      `the broker at ${shown} offers no encryption: check --nats-url, or leave out --nats-ca and tls:// where that is meant to be`,
    );
  }
  if (isJoined) {
    return new UserError(
      `no broker answers at ${shown} (${message}): check that the coordinator runs, and that no firewall keeps this machine from that address and port`,
      exitCodes.unavailable,
    );
  }
  return new UserError(
    `no broker answers at ${shown} (${message}): start nats-server there, check --nats-url, or leave --nats-url out for an embedded one`,
    exitCodes.unavailable,
  );
}

function refusedText({ shown, user, token, seed, isJoined }: Attempt): string {
  if (isJoined)
    return `the broker at ${shown} refuses the secret of the join URL: copy the URL again, for it is of another run, revoked, or damaged`;
  if (seed !== '')
    return `the broker at ${shown} refuses the key in ${seed}: check --nats-seed and the broker's list of users`;
  if (token !== '')
    return `the broker at ${shown} refuses the token: check UNET_FLEET_NATS_TOKEN, --nats-token or the one in --nats-url`;
  return user === ''
    ? `the broker at ${shown} asks for a user or a token: give --nats-user and --nats-password, --nats-token, or --nats-seed`
    : `the broker at ${shown} refuses the password of user ${user}: check --nats-user and --nats-password`;
}

/** Codes of the error and of what caused it. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  for (let at = error; at instanceof Error && codes.length < 8; at = at.cause) {
    if ('code' in at) codes.push(String(at.code));
  }
  return codes;
}
