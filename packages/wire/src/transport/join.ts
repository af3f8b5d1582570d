/**
 * From a join URL to a broker that can be trusted. The URL pins the authority that vouches for the broker, and the
 * broker shows that authority's certificate along with its own; so one look at what it shows is enough to connect with
 * full verification afterwards. What it keeps true: no secret is sent before the pinned authority has been found.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls';
import { UserError } from '@unet-fleet/law';
import { type BrokerAddress, whenThere } from './connect.ts';
import { connectError } from './connect-error.ts';
import { isKey, type JoinUrl } from './join-url.ts';

const timeoutMs = 5_000;
/** A server's first line has some hundred bytes. */
const maxInfoBytes = 64 * 1024;
/** An authority, and those between it and a server. */
const maxCertificates = 8;

export const fingerprintOf = (certificate: Uint8Array): string =>
  createHash('sha256').update(certificate).digest('hex');

/**
 * The address for connectBroker, with the authority that the URL pins. Waits like connectWhenThere; null when `signal`
 * ended the wait.
 * @throws UserError if nobody answers there (unavailable), or whoever does is not who the URL means (usage)
 */
export async function brokerOfJoin(
  join: JoinUrl,
  patienceMs: number,
  onWait: (reason: string) => void,
  signal: AbortSignal,
): Promise<BrokerAddress | null> {
  const certificate = await whenThere(() => findAuthority(join), patienceMs, onWait, signal);
  if (certificate === null) return null;
  const seed = isKey(join.secret) ? join.secret : '';
  return {
    url: urlOf(join),
    user: join.identity,
    password: seed === '' ? join.secret : '',
    joined: { authority: certificate.toString(), seed },
  };
}

const urlOf = ({ host, port }: JoinUrl): string => `tls://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** The pinned one among the certificates that the server shows. */
async function findAuthority(join: JoinUrl): Promise<X509Certificate> {
  const { host, port } = join;
  const shown = urlOf(join);
  const socket = connect({ host, port });
  const failed = failureOf(socket);
  const timer = setTimeout(() => socket.destroy(new Error('nothing came in time')), timeoutMs);
  try {
    await Promise.race([once(socket, 'connect'), failed]);
    if (!offersEncryption(await Promise.race([firstLine(socket), failed]))) {
      throw new UserError(
        `the server at ${shown} offers no encryption, so it is not the one of the join URL: check host and port, and copy the URL again`,
      );
    }
    const secured = connectTls({
      socket,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      // Nothing is said to it: it is asked who vouches for it, and hung up on.
      rejectUnauthorized: false,
    });
    await Promise.race([once(secured, 'secureConnect'), failureOf(secured), failed]);
    for (const { raw } of chainOf(secured.getPeerCertificate(true))) {
      if (fingerprintOf(raw) === join.fingerprint) return new X509Certificate(raw);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw connectError(error, {
      shown,
      user: join.identity,
      token: '',
      seed: '',
      ca: '',
      isJoined: true,
      complaint: '',
    });
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
  throw new UserError(
    `the server at ${shown} is not the one of the join URL, for none of its certificates has the URL's fingerprint: copy the URL again, and find out what answers there if it stays so`,
  );
}

/** Rejects when the socket fails or closes, whenever that is. */
function failureOf(socket: Socket): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('it closed the connection')));
  });
  failed.catch(() => {});
  return failed;
}

function chainOf(leaf: DetailedPeerCertificate): DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  for (let at = leaf; at?.raw && chain.length < maxCertificates; at = at.issuerCertificate) {
    chain.push(at);
    // An authority vouches for itself.
    if (at.issuerCertificate === at) break;
  }
  return chain;
}

/** What a NATS server says before anything else. */
async function firstLine(socket: Socket): Promise<string> {
  let text = '';
  while (!text.includes('\r\n') && text.length < maxInfoBytes) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    text += bytes.toString('latin1');
  }
  socket.pause();
  return text;
}

/** Where it is no NATS server, it is not the one that is meant either. */
function offersEncryption(line: string): boolean {
  try {
    const info = JSON.parse(/^INFO (\{.*\})\s*\r\n/.exec(line)?.[1] ?? '');
    return info.tls_required === true || info.tls_available === true;
  } catch {
    return false;
  }
}
