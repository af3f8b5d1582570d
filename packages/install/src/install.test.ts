import { join } from 'node:path';
import { cacheFolder, engineFolder, freeBytes, requireDisk } from '@unet-fleet/shared';
import { expect, test } from 'vitest';
import { isOlder, type Machine, supportedArch } from './platform.ts';
import { type InstallEvent, progressText, showInstall } from './report.ts';

const debian: Machine = { platform: 'linux', arch: 'x64', glibcVersion: '2.36' };

test('what is supported is Linux with glibc on two architectures, and the rest is told so', () => {
  expect(supportedArch('X', '2.27', debian)).toBe('x86_64');
  expect(supportedArch('X', '2.27', { ...debian, arch: 'arm64' })).toBe('aarch64');
  const remedy =
    'use Linux with glibc 2.27 or newer on x86_64 or aarch64, in a container or virtual machine if need be';
  const sentences: [Partial<Machine>, string][] = [
    [{ platform: 'darwin', arch: 'arm64' }, `there is no build of X for darwin on arm64: ${remedy}`],
    [{ platform: 'win32' }, `there is no build of X for win32 on x64: ${remedy}`],
    [{ arch: 'riscv64' }, `there is no build of X for linux on riscv64: ${remedy}`],
    [{ glibcVersion: '' }, `there is no build of X for a Linux without the GNU C library: ${remedy}`],
    [{ glibcVersion: '2.17' }, `X needs glibc 2.27 or newer and this is 2.17: ${remedy}`],
  ];
  for (const [machine, sentence] of sentences) {
    expect(() => supportedArch('X', '2.27', { ...debian, ...machine })).toThrow(sentence);
  }
});

test('versions are compared number by number', () => {
  expect(isOlder('2.9.10', '2.10')).toBe(true);
  expect(isOlder('2.10.0', '2.10')).toBe(false);
  expect(isOlder('v20.20.2', '20.15')).toBe(false);
  expect(isOlder('2.15.1-beta', '2.15.1')).toBe(false);
});

test('the cache is where the user says, and a relative XDG folder does not count', () => {
  expect(cacheFolder({ UNET_FLEET_CACHE: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/c');
  expect(cacheFolder({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/x/unet-fleet');
  expect(cacheFolder({ XDG_CACHE_HOME: 'x', HOME: '/h' })).toBe('/h/.cache/unet-fleet');
  expect(cacheFolder({ UNET_FLEET_CACHE: 'relative' })).toBe(join(process.cwd(), 'relative'));
});

test('engine and broker lie in the cache, unless they have a folder of their own', () => {
  expect(engineFolder({ UNET_FLEET_CACHE: '/c', UNET_FLEET_ENGINE: '/e' })).toBe('/e');
  expect(engineFolder({ UNET_FLEET_CACHE: '/c', UNET_FLEET_ENGINE: '' })).toBe('/c');
});

test('the space for a folder that is not there yet is that of the one it will be in', () => {
  const asked: string[] = [];
  const statfs = (path: string) => {
    asked.push(path);
    if (path !== '/a') throw Object.assign(new Error('none'), { code: 'ENOENT' });
    return { bavail: 3, bsize: 4096 };
  };
  expect(freeBytes('/a/b/c', statfs)).toBe(3 * 4096);
  expect(asked).toEqual(['/a/b/c', '/a/b', '/a']);
  expect(() => requireDisk('/a/b', 5e9, 'X', statfs)).toThrow('X needs 5.0 GB in /a/b and 0.000 GB are free');
});

test('progress tells bytes, total, rate and the time that is left', () => {
  const text = progressText({ doneBytes: 137e6, totalBytes: 274e6 }, 4000);
  expect(text).toBe('  [############------------] 137 of 274 MB, 34.3 MB/s, 4 s left');
  expect(progressText({ doneBytes: 2e6, totalBytes: 0 }, 1000)).toBe('  2.0 MB, 2.0 MB/s');
});

/** Shows a download of 20 s, told ten times a second; returns what was written. */
function shown(isTTY: boolean): string {
  let text = '';
  let nowMs = 0;
  const stream = { isTTY, columns: 60, write: (part: string) => (text += part) };
  const report = showInstall(stream, () => nowMs);
  const tell = (event: InstallEvent) => report(event);
  tell({ type: 'started', step: 'fetching X' });
  for (; nowMs < 20_000; nowMs += 100) {
    tell({ type: 'progress', step: 'fetching X', doneBytes: nowMs * 1000, totalBytes: 20e6 });
  }
  tell({ type: 'done', step: 'fetching X', ms: 20_000 });
  return text;
}

test('without a terminal there is a line every few seconds, with one a bar of one line', () => {
  const lines = shown(false).split('\n');
  expect(lines).toHaveLength(1 + 3 + 1 + 1);
  expect(lines[1]).toContain('5.0 of 20 MB, 1.0 MB/s, 15 s left');
  expect(lines[4]).toBe('fetching X: done in 20.0 s');
  const bars = shown(true).split('\r\u001b[2K');
  expect(bars.length).toBeGreaterThan(100);
  for (const bar of bars.slice(1, -1)) expect(bar.length).toBeLessThan(60);
  expect(bars.at(-1)).toBe('fetching X: done in 20.0 s\n');
});
