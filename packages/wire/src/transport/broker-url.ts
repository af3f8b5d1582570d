/**
 * The address of a broker as people write it: nats://host:4222, nats://[::1]:4222, with a token or a user and password
 * before the host, several of one cluster separated by commas. What it keeps true: credentials are taken out of the
 * address before anything else sees it, and no sentence about a faulty one repeats what stands before the host.
 */
import { UserError } from '@unet-fleet/law';

export interface BrokerUrl {
  protocol: 'nats:' | 'tls:';
  /** host:port, an IPv6 address in brackets. */
  host: string;
  /** Name or address without brackets. */
  hostname: string;
  credentials: BrokerCredentials;
}

/** '' for what is not given; a token excludes a user. */
export interface BrokerCredentials {
  user: string;
  password: string;
  token: string;
}

const none: BrokerCredentials = { user: '', password: '', token: '' };
const defaultPort = '4222';
const form = 'give --nats-url as nats://host:4222';

/** The servers that an address names. Throws a UserError if it is none. */
export const parseBrokerUrl = (text: string): BrokerUrl[] =>
  text.split(',').map((part) => parseOne(part.trim(), withoutCredentials(text) || "''"));

/** `shown`: the whole address as a sentence may repeat it. */
function parseOne(text: string, shown: string): BrokerUrl {
  const url = urlOf(text.includes('://') ? text : `nats://${text}`);
  if (/\[[^\]]*%/.test(text)) {
    throw new UserError(
      `${shown} names an address with a zone (%), which holds on one machine alone: give another address of the broker, or its name`,
    );
  }
  const hasPath = url !== null && !['', '/'].includes(url.pathname + url.search + url.hash);
  if (url === null || hasPath || !isScheme(url.protocol) || !isHostLength(url.hostname)) {
    const escaping = text.includes('@')
      ? ', with special characters of a user, password or token as %40 and the like'
      : '';
    throw new UserError(`${shown} is no broker address: ${form}${escaping}`);
  }
  const { protocol, hostname, port } = url;
  return {
    protocol,
    host: `${hostname}:${port || defaultPort}`,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    credentials: credentialsOf(url, shown),
  };
}

function credentialsOf({ username, password }: URL, shown: string): BrokerCredentials {
  try {
    const [first, second] = [decodeURIComponent(username), decodeURIComponent(password)];
    // As NATS's own clients read it: what stands alone is a token.
    return second === '' ? { ...none, token: first } : { ...none, user: first, password: second };
  } catch {
    throw new UserError(
      `the user or password in the broker address ${shown} is not percent-encoded: write % as %25, and special characters likewise`,
    );
  }
}

/** Of a name in DNS. */
const isHostLength = (hostname: string): boolean => hostname.length > 0 && hostname.length <= 253;

const isScheme = (protocol: string): protocol is BrokerUrl['protocol'] =>
  protocol === 'nats:' || protocol === 'tls:';

function urlOf(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** The address as it may be shown: without what stands before a host, whatever else is wrong with it. */
export const withoutCredentials = (text: string): string => text.replace(/(^|:\/\/)(?:(?!:\/\/).)*@/gs, '$1');

/** Addresses and credentials apart. Throws a UserError if it is no address, or has credentials that contradict. */
export function splitBrokerUrl(text: string): { url: string; credentials: BrokerCredentials | null } {
  if (!text.includes('@')) return { url: text, credentials: null };
  const servers = parseBrokerUrl(text);
  const url = servers.map(({ protocol, host }) => `${protocol}//${host}`).join(',');
  const [first, ...others] = servers.map(({ credentials }) => credentials);
  if (others.some((other) => JSON.stringify(other) !== JSON.stringify(first))) {
    throw new UserError(
      `the servers in ${url} have different credentials: give each the same, as those of one cluster have`,
    );
  }
  return { url, credentials: first! };
}
