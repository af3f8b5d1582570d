/**
 * Who may do what, from the headers of a request alone. Pure. What it keeps true: a page of another origin gets nothing,
 * whatever token its visitor has; and without the control token nothing is steered.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface Tokens {
  view: string;
  control: string;
}

/** In this order: each may do what the one before may. */
export type Access = 'none' | 'view' | 'control';

export interface Door {
  tokens: Tokens;
  /** Listens on loopback only, where nobody needs a token to look. */
  isLoopback: boolean;
}

/** Subprotocol of the WebSocket, and the one that carries a token: the only header that a page can choose there. */
export const subprotocol = 'unet-fleet.1';
const tokenProtocol = 'token.';

export function accessOf(headers: IncomingHttpHeaders, { tokens, isLoopback }: Door): Access {
  const token = tokenIn(headers);
  if (token !== null && isEqual(token, tokens.control)) return 'control';
  if (token !== null && isEqual(token, tokens.view)) return 'view';
  return isLoopback ? 'view' : 'none';
}

function tokenIn(headers: IncomingHttpHeaders): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const protocols = String(headers['sec-websocket-protocol'] ?? '').split(',');
  const carrier = protocols.map((name) => name.trim()).find((name) => name.startsWith(tokenProtocol));
  return carrier?.slice(tokenProtocol.length) ?? null;
}

/** Takes as long whatever is equal, and whatever the lengths. */
function isEqual(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/**
 * Why a request is not answered; null where it comes from this server's own page or from no page at all. On loopback the
 * name that it was sent to must be this machine's, or any site whose name leads here could read along (DNS rebinding).
 */
export function refusalOf(headers: IncomingHttpHeaders, isLoopback: boolean): string | null {
  const { host = '', origin } = headers;
  if (isLoopback && !isLoopbackName(hostnameOf(`http://${host}`))) {
    return 'this server answers under the name localhost, 127.0.0.1 or [::1] only';
  }
  if (origin !== undefined && !isOrigin(origin, host)) return foreign;
  const site = headers['sec-fetch-site'];
  return site === undefined || site === 'same-origin' || site === 'none' ? null : foreign;
}

const foreign = 'requests from pages of another origin are refused';

/** Whether a page of `origin` came from `host`, be it through a proxy that speaks TLS. */
const isOrigin = (origin: string, host: string): boolean =>
  ['http', 'https'].some((scheme) => origin === parsed(`${scheme}://${host}`)?.origin);

const hostnameOf = (address: string): string => parsed(address)?.hostname ?? '';

function parsed(address: string): URL | null {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}

/** `host` as in an address or an option: with brackets around IPv6 or without. */
export function isLoopbackName(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}
