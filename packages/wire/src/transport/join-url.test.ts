import { UserError } from '@unet-fleet/law';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatJoinUrl, isKey, type JoinUrl, parseJoinUrl } from './join-url.ts';

const fingerprint = '0123456789abcdef'.repeat(4);
const secret = 'Hk6jpeaGh5O2323L8X_uYP4twGQv54js';
const key = `SU${'ABCDEFG234567'.repeat(5).slice(0, 56)}`;
const parts: JoinUrl = {
  identity: 'worker',
  secret,
  host: '10.0.0.5',
  port: 4222,
  runId: 'r-1',
  fingerprint,
};
const url = `unet-fleet://worker:${secret}@10.0.0.5:4222/r-1#sha256:${fingerprint}`;

test.each<[string, Partial<JoinUrl>, string]>([
  ['an address', {}, url],
  ['a name', { host: 'gpu-1.Example.org' }, url.replace('10.0.0.5', 'gpu-1.Example.org')],
  ['an IPv6 address', { host: 'fd00::1' }, url.replace('10.0.0.5', '[fd00::1]')],
  ['no run', { runId: '' }, url.replace('/r-1', '')],
  [
    "a worker's key",
    { identity: 'worker-3', secret: key },
    url.replace(`worker:${secret}`, `worker-3:${key}`),
  ],
])('%s', (_, changes, text) => {
  expect(formatJoinUrl({ ...parts, ...changes })).toBe(text);
  expect(parseJoinUrl(text)).toEqual({ ...parts, ...changes });
});

test('a key is told from a password', () => {
  expect([isKey(key), isKey(secret), isKey(`${key}A`), isKey(key.toLowerCase())]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

const [head] = url.split('#');
test.each([
  ['', 'it is empty'],
  ['nats://10.0.0.5:4222', 'it does not begin with unet-fleet://'],
  [` ${url}`, 'it does not begin with'],
  [head!, 'its end is missing, from #sha256: on'],
  [`${url}${'0'.repeat(2_000)}`, 'it is too long'],
  [url.replace('@', ''), 'its parts are not'],
  [url.replace(':4222', ''), 'its parts are not'],
  [`${url}#x`, 'its parts are not'],
  [`${url}\n`, 'its fingerprint is none'],
  [url.slice(0, -1), 'its fingerprint is none'],
  [url.replace(fingerprint, fingerprint.toUpperCase()), 'its fingerprint is none'],
  [url.replace('worker:', 'Worker:'), 'its user is none'],
  [url.replace('worker:', 'coordinator:'), 'its user is the coordinator'],
  [url.replace(secret, 'short'), 'its secret is none'],
  [url.replace(secret, `${secret}%20`), 'its secret is none'],
  [url.replace('10.0.0.5', '10.0.0.256'), 'its host is none'],
  [url.replace('10.0.0.5', '10.0.0.5.'), 'its host is none'],
  [url.replace('10.0.0.5', 'fd00::1'), 'its parts are not'],
  [url.replace('10.0.0.5', '[10.0.0.5]'), 'its host is none'],
  [url.replace('10.0.0.5', '[fe80::1%eth0]'), 'its host is none'],
  [url.replace('10.0.0.5', 'a b'), 'its host is none'],
  [url.replace('4222', '0'), 'its port is none'],
  [url.replace('4222', '04222'), 'its port is none'],
  [url.replace('4222', '65536'), 'its port is none'],
  [url.replace('/r-1', '/'), 'its run is empty'],
  [url.replace('/r-1', '/R 1'), 'its run is none'],
  [url.replace('/r-1', '/r-1/..'), 'its parts are not'],
])('a damaged URL is refused, and nothing of it is repeated (%#)', (text, fault) => {
  const error = failure(text);
  expect(error.message).toContain(fault);
  expect(error.message).toContain('copy the whole line that the coordinator prints');
  expect(error.message).not.toContain(secret.slice(0, 8));
  expect(error.message).not.toContain('\n');
});

function failure(text: string): UserError {
  try {
    parseJoinUrl(text);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return error as UserError;
  }
  throw new Error(`${text} was read`);
}

const host = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.domain().filter((name) => name.length < 200),
);
const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/).filter((text) => text !== 'coordinator');
const joinUrl = fc.record({
  identity: name,
  secret: fc.stringMatching(/^[A-Za-z0-9_-]{22,128}$/),
  host,
  port: fc.integer({ min: 1, max: 65_535 }),
  runId: fc.oneof(fc.constant(''), name),
  fingerprint: fc.stringMatching(/^[0-9a-f]{64}$/),
});

test('whatever is written is read as the same', () => {
  fc.assert(
    fc.property(joinUrl, (any) => {
      expect(parseJoinUrl(formatJoinUrl(any))).toEqual(any);
    }),
  );
});

test('whatever is read is written as the same text, also when it was changed by hand', () => {
  const cut = fc.record({
    at: fc.nat(300),
    numRemoved: fc.nat(4),
    put: fc.string({ unit: 'binary', maxLength: 4 }),
  });
  fc.assert(
    fc.property(joinUrl, fc.array(cut, { maxLength: 4 }), (any, cuts) => {
      let text = formatJoinUrl(any);
      for (const { at, numRemoved, put } of cuts)
        text = text.slice(0, at) + put + text.slice(at + numRemoved);
      let read: JoinUrl;
      try {
        read = parseJoinUrl(text);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as Error).message).not.toContain(any.secret);
        return;
      }
      expect(formatJoinUrl(read)).toBe(text);
    }),
  );
});

test('what no URL can hold is not written', () => {
  for (const changes of [
    { host: 'a b' },
    { port: 0 },
    { secret: '' },
    { runId: '/' },
    { identity: 'coordinator' },
  ]) {
    expect(() => formatJoinUrl({ ...parts, ...changes })).toThrow(/^no join URL can be made/);
  }
});
