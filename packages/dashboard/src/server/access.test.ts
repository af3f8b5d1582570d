import { describe, expect, test } from 'vitest';
import { accessOf, isLoopbackName, refusalOf } from './access.ts';

const tokens = { view: 'v'.repeat(22), control: 'c'.repeat(22) };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('access', () => {
  test.each<[string, Record<string, string>, boolean, string]>([
    ['nothing, on loopback', {}, true, 'view'],
    ['nothing, elsewhere', {}, false, 'none'],
    ['the view token', bearer(tokens.view), false, 'view'],
    ['the control token', bearer(tokens.control), false, 'control'],
    ['a part of the control token', bearer(tokens.control.slice(1)), false, 'none'],
    ['more than the control token', bearer(`${tokens.control}c`), true, 'view'],
    [
      'the control token as subprotocol',
      { 'sec-websocket-protocol': `unet-fleet.1, token.${tokens.control}` },
      true,
      'control',
    ],
    ['a token without its name', { 'sec-websocket-protocol': tokens.control }, false, 'none'],
    ['another scheme', { authorization: `Basic ${tokens.control}` }, false, 'none'],
  ])('with %s', (_, headers, isLoopback, access) => {
    expect(accessOf(headers, { tokens, isLoopback })).toBe(access);
  });
});

describe('a request', () => {
  const host = '127.0.0.1:8088';
  test.each<[string, Record<string, string>, boolean]>([
    ['of no page', { host }, true],
    ['of its own page', { host, origin: 'http://127.0.0.1:8088', 'sec-fetch-site': 'same-origin' }, true],
    ['typed by a person', { host, 'sec-fetch-site': 'none' }, true],
    [
      'through a tunnel under another port',
      { host: 'localhost:9000', origin: 'http://localhost:9000' },
      true,
    ],
    ['of a page of another host', { host, origin: 'http://evil.example' }, false],
    ['of a page of another port', { host, origin: 'http://127.0.0.1:9999' }, false],
    ['of a page without an origin', { host, origin: 'null' }, false],
    ['of a frame or picture elsewhere', { host, 'sec-fetch-site': 'cross-site' }, false],
    ['of a page of another port, by its metadata', { host, 'sec-fetch-site': 'same-site' }, false],
    [
      'under a name that leads here',
      { host: 'evil.example:8088', origin: 'http://evil.example:8088' },
      false,
    ],
    ['without a host', {}, false],
  ])('%s, on loopback: answered %#', (_, headers, isAnswered) => {
    expect(refusalOf(headers, true) === null).toBe(isAnswered);
  });

  test('elsewhere is answered under any name, behind TLS too, and for its own page alone', () => {
    const ownHost = { host: 'gpu-1.lab' };
    expect(refusalOf({ ...ownHost, origin: 'https://gpu-1.lab' }, false)).toBeNull();
    expect(refusalOf({ ...ownHost, origin: 'https://gpu-2.lab' }, false)).toMatch(/another origin/);
  });
});

test('names of loopback', () => {
  for (const name of ['localhost', '127.0.0.1', '127.8.9.1', '[::1]', '::1'])
    expect(isLoopbackName(name)).toBe(true);
  for (const name of ['0.0.0.0', '::', '127.0.0.1.evil.example', '10.0.0.1', ''])
    expect(isLoopbackName(name)).toBe(false);
});
