/** Over every code that the system has: a sentence with a remedy, or it is no operating fault at all. */
import { execFile } from 'node:child_process';
import { readFileSync, rmdirSync } from 'node:fs';
import { connect } from 'node:net';
import { constants } from 'node:os';
import { promisify } from 'node:util';
import { exitCodes, UserError } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { errnoOf, explained, systemError } from './system-error.ts';

const refused = (code: string, more: object = {}): Error =>
  Object.assign(new Error(`${code}: some words, open '/data/x'`), { code, ...more });

const codes = [...Object.keys(constants.errno), 'ENOTFOUND', 'EAI_AGAIN', 'ESERVFAIL'];

test.each(codes)('%s is a sentence that names thing, cause and code', (code) => {
  const told = systemError(refused(code, { syscall: 'open', path: '/data/x' }));
  expect(told).toBeInstanceOf(UserError);
  expect(told!.message).toMatch(new RegExp(`^/data/x can't be opened: .+ \\(${code}\\); [a-z].+[^.]$`));
  expect([exitCodes.usage, exitCodes.unavailable]).toContain(told!.exitCode);
});

/** What people and schedulers meet, with what they can do about it. */
const met: [code: string, syscall: string, sentence: RegExp][] = [
  ['ENOSPC', 'write', /no space is left on its disk \(ENOSPC\); free some$/],
  ['EDQUOT', 'write', /quota is used up/],
  ['EMFILE', 'open', /ulimit -n/],
  ['ENFILE', 'open', /fs\.file-max/],
  ['ENOMEM', 'spawn', /no memory left/],
  ['EAGAIN', 'spawn', /ulimit -u/],
  ['ENOENT', 'spawn', /no such program \(ENOENT\); install it/],
  ['EACCES', 'listen', /port \(EACCES\); choose one above 1023/],
  ['EADDRINUSE', 'listen', /port is taken/],
  ['EAFNOSUPPORT', 'bind', /does not speak that kind of address/],
  ['ENOEXEC', 'spawn', /no program of this machine/],
  ['ESTALE', 'read', /mount that file system again/],
  ['ENOTFOUND', 'getaddrinfo', /no machine of that name/],
];
test.each(met)('%s of %s says what to do', (code, syscall, sentence) => {
  expect(systemError(refused(code, { syscall }))!.message).toMatch(sentence);
});

test('what the error does not name, the one who was doing it does', () => {
  const told = (error: Error, doing = {}) => systemError(error, doing)!.message;
  expect(told(refused('EIO', { syscall: 'write' }))).toMatch(/^what is to be written \(write\) can't be/);
  expect(told(refused('EIO', { syscall: 'write' }), { what: 'the report', path: '/r' })).toMatch(
    /^\/r can't be written for the report: the disk reports/,
  );
  expect(told(refused('ECONNREFUSED', { syscall: 'connect', address: '::1', port: 4222 }))).toMatch(
    /^\[::1\]:4222 can't be reached/,
  );
  expect(told(refused('EROFS', { syscall: 'mkdir', path: '/r' }), { instead: 'or name another' })).toMatch(
    /read-only \(EROFS\); .*, or name another$/,
  );
});

test('an error of another thread is known by its words, and one that is wrapped by what it wraps', () => {
  const bare = new Error("ENOSPC: no space left on device, open '/data/x'");
  expect(systemError(bare)!.message).toMatch(/^\/data\/x can't be opened: no space/);
  const all = new AggregateError([refused('ECONNREFUSED', { address: '127.0.0.1', port: 1 })]);
  expect(errnoOf(new TypeError('fetch failed', { cause: all }))).toBe('ECONNREFUSED');
});

test('what the real system refuses is told', async () => {
  const thrown = async (work: () => unknown): Promise<unknown> => {
    try {
      await work();
    } catch (error) {
      return error;
    }
    return null;
  };
  const errors = await Promise.all([
    thrown(() => readFileSync('/proc/self/mem')),
    thrown(() => rmdirSync('/proc')),
    thrown(() => readFileSync(`/${'a'.repeat(300)}`)),
    thrown(() => promisify(execFile)('/no/such/program')),
    new Promise((resolve) => connect({ host: '127.0.0.1', port: 1 }).once('error', resolve)),
  ]);
  const told = errors.map((error) => (error === null ? null : errnoOf(error)));
  expect(told).toEqual(['EIO', 'EBUSY', 'ENAMETOOLONG', 'ENOENT', 'ECONNREFUSED']);
});

test('a bug stays a bug', () => {
  for (const bug of [
    new TypeError('x is not a function'),
    Object.assign(new TypeError('bad'), { code: 'ERR_INVALID_ARG_TYPE' }),
    new RangeError('EVERYTHING is wrong: not, really'),
    'ENOENT',
    null,
  ]) {
    expect(systemError(bug)).toBeNull();
    expect(explained(bug)).toBe(bug);
  }
});

test('what threads and the runtime wrap is told too', () => {
  const told = (error: Error) => systemError(error)?.message ?? null;
  const wrapped = { code: 'ERR_SYSTEM_ERROR', info: { code: 'ENOENT', syscall: 'uv_os_get_passwd' } };
  expect(told(Object.assign(new Error('A system error occurred'), wrapped))).toMatch(/set HOME/);
  const lacking = { code: 'ERR_WORKER_INIT_FAILED' };
  expect(told(Object.assign(new Error('Worker initialization failure: EMFILE'), lacking))).toMatch(
    /ulimit -n/,
  );
  expect(told(new Error('Error: EIO: i/o error, write\n    at x (y:1:2)'))).toMatch(/input\/output error/);
  const sent = Object.assign(new Error('the disk is full: free some'), { name: 'UserError', exitCode: 3 });
  expect(explained(sent)).toBeInstanceOf(UserError);
  expect(explained(sent)).toMatchObject({ exitCode: 3 });
});
