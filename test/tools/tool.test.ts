import { expect, test } from 'vitest';
import { findProgram } from './find-program.ts';
import { program } from './known.ts';
import { lookFor, packagesOf, type Tool, textOf } from './tool.ts';

const tool = (name: string, isThere: boolean, more: Partial<Tool> = {}): Tool => ({
  ...program(name, 'the check'),
  find: () => (isThere ? `/bin/${name}` : null),
  ...more,
});
const fetched = (name: string, by: readonly Tool[]): Tool =>
  tool(name, false, {
    fetch: {
      by,
      run: () => {
        throw new Error('a look fetches nothing');
      },
    },
  });

test('every tool that is missing is found in one look, and what can be fetched is not missing', async () => {
  const look = await lookFor([
    tool('sh', true),
    tool('ip', false),
    fetched('tini', [tool('apt-get', true)]),
    fetched('etcd', [tool('apt-get', true), tool('dpkg-deb', false)]),
    tool('tun', false),
  ]);
  expect([...look.found]).toEqual([['sh', '/bin/sh']]);
  expect(look.toFetch.map(({ name }) => name)).toEqual(['tini']);
  expect(look.missing.map(({ name }) => name)).toEqual(['ip', 'etcd', 'tun']);
});

test('a person reads what is missing, what for and how to have it', () => {
  const missing = [
    program('buildah', 'images'),
    program('ip', 'hosts', 'apt-get install iproute2', ['iproute2']),
  ];
  expect(textOf('images:check', missing).split('\n')).toEqual([
    'images:check: 2 things are missing here:',
    '  buildah  for images  apt-get install buildah',
    '  ip       for hosts   apt-get install iproute2',
  ]);
  expect(packagesOf([...missing, ...missing])).toEqual(['buildah', 'iproute2']);
});

test('a folder of a name is no program, and a program is found where others are not', () => {
  expect(findProgram(['bin'], { PATH: '/usr' })).toBeNull();
  expect(findProgram(['no-such', 'sh'], { PATH: '/nowhere:' }, ['/bin'])).toBe('/bin/sh');
});
