/** The links that a person opens. A token stands behind the #: no browser sends that part, so it is in nobody's log. */
import { hostname } from 'node:os';
import { isLoopbackName, type Tokens } from './access.ts';

export interface Links {
  view: string;
  control: string;
}

/** `host`: the address that is listened on. On loopback looking takes no token. */
export function linksOf(host: string, port: number, tokens: Tokens): Links {
  const page = `http://${nameOf(host)}:${port}/`;
  return {
    view: isLoopbackName(host) ? page : `${page}#token=${tokens.view}`,
    control: `${page}#token=${tokens.control}`,
  };
}

/** A listener on all addresses is found by the machine's name. */
function nameOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host.includes(':') ? `[${host.replace(/^\[|\]$/g, '')}]` : host;
}
