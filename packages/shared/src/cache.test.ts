import { userInfo } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { cacheFolder } from './cache.ts';

const system = vi.hoisted(() => ({ hasUser: true }));
vi.mock('node:os', async (original) => {
  const os = await original<typeof import('node:os')>();
  const none = () => {
    const info = { code: 'ENOENT', syscall: 'uv_os_get_passwd' };
    throw Object.assign(new Error('A system error occurred'), { code: 'ERR_SYSTEM_ERROR', info });
  };
  return { ...os, userInfo: () => (system.hasUser ? os.userInfo() : none()) };
});
afterEach(() => {
  system.hasUser = true;
});

test('the cache is where the user says, and never in a folder that happens to be the working one', () => {
  const registered = `${userInfo().homedir}/.cache/unet-fleet`;
  expect(cacheFolder({ UNET_FLEET_CACHE: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/c');
  expect(cacheFolder({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/x/unet-fleet');
  for (const XDG_CACHE_HOME of ['', 'relative', '.']) {
    expect(cacheFolder({ XDG_CACHE_HOME, HOME: '/h' })).toBe('/h/.cache/unet-fleet');
  }
  for (const HOME of [undefined, '', 'relative']) expect(cacheFolder({ HOME })).toBe(registered);
});

test('a user whom the system does not know is told what to set', () => {
  system.hasUser = false;
  expect(() => cacheFolder({})).toThrow(/no home folder.*: set UNET_FLEET_CACHE/);
  expect(cacheFolder({ HOME: '/h' })).toBe('/h/.cache/unet-fleet');
});
