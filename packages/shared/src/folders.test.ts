import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { assertReplaceable, isSystemView, makeFolder, removeIfEmpty } from './folders.ts';
import { systemError } from './system-error.ts';

const base = mkdtempSync(join(tmpdir(), 'folders-'));
afterAll(() => rmSync(base, { recursive: true }));

test('what is missing is made, and goes again while it is empty', () => {
  const deep = join(base, 'a/b/c');
  expect(makeFolder(deep)).toEqual([join(base, 'a'), join(base, 'a/b'), deep]);
  expect(makeFolder(deep)).toEqual([]);
  mkdirSync(join(base, 'a/other'));
  removeIfEmpty([join(base, 'a'), join(base, 'a/b'), deep]);
  expect([existsSync(join(base, 'a/b')), existsSync(join(base, 'a/other'))]).toEqual([false, true]);
});

writeFileSync(join(base, 'file'), '');
symlinkSync('/no/such/place', join(base, 'dangling'));
symlinkSync('loop', join(base, 'loop'));

/** /proc: Node's own recursive mkdir never returns from it. */
test.each([
  ['/proc/unet-fleet', 'ENOENT', /its file system takes no new folders/],
  ['/dev/null/x/y', 'ENOTDIR', /^\/dev\/null is in the way of the run/],
  [join(base, 'file/x'), 'ENOTDIR', /file is in the way of the run/],
  [join(base, 'dangling'), 'ENOTDIR', /dangling is in the way of the run/],
  [join(base, 'loop/x'), 'ELOOP', /its links lead to each other/],
  [join(base, 'a'.repeat(300)), 'ENAMETOOLONG', /its name is longer/],
])('%s is refused at once', (path, code, sentence) => {
  let thrown: unknown = null;
  try {
    makeFolder(path);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code });
  expect(systemError(thrown, { what: 'the run', path })!.message).toMatch(sentence);
});

test('devices are not written over, and views of the system hold no files', () => {
  expect(() => assertReplaceable('/dev/full')).toThrow(
    '/dev/full is a device or pipe, where a file is to be',
  );
  assertReplaceable(join(base, 'file'));
  assertReplaceable(join(base, 'none'));
  expect(['/proc', '/proc/self', '/sys', base].map(isSystemView)).toEqual([true, true, true, false]);
});
