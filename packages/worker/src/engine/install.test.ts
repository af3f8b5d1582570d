import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { type InstallEvent, silentReport } from '@unet-fleet/install';
import { exitCodes, UserError } from '@unet-fleet/law';
import { cacheFolder } from '@unet-fleet/shared';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { engineInstalled, lacksAvx, setupEngine } from './install.ts';
import { checkAddon } from './install-check.ts';
import { linkTree, tensorflowVersion } from './install-libraries.ts';
import { parseGpus } from './install-nvidia.ts';

const require = createRequire(import.meta.url);
const realPackage = dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json'));
let folder = '';
/** The npm package as it is right after `pnpm install` in another clone. */
let packageFolder = '';
/** The only folder on PATH. */
let bin = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engine-install-test-'));
  packageFolder = join(folder, 'package');
  bin = join(folder, 'bin');
  mkdirSync(bin);
  cpSync(join(realPackage, 'binding'), join(packageFolder, 'binding'), { recursive: true });
});

afterEach(() => rmSync(folder, { recursive: true }));

function putOnPath(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

function linkOnPath(name: string): void {
  const found = (process.env.PATH ?? '').split(delimiter).find((path) => existsSync(join(path, name)));
  symlinkSync(join(found!, name), join(bin, name));
}

const emptyCache = () => ({ PATH: bin, HOME: folder, UNET_FLEET_CACHE: join(folder, 'cache') });
const usersCache = () => ({ PATH: bin, UNET_FLEET_CACHE: cacheFolder() });

test('a second clone of the same user needs neither Python nor a compiler nor the network', async () => {
  const env = usersCache();
  const events: InstallEvent[] = [];
  const install = await setupEngine({ gpu: false, env, packageFolder }, (event) => events.push(event));
  expect(install).toMatchObject({ flavor: 'cpu', tensorflowVersion });
  expect(
    events.filter(({ type }) => type === 'started').map((event) => 'step' in event && event.step),
  ).toEqual(['loading TensorFlow once']);
  const addon = join(packageFolder, 'lib', 'napi-v8', 'tfjs_binding.node');
  expect(await checkAddon(addon, env)).toEqual({
    loads: true,
    libraryVersion: tensorflowVersion,
    usesGpu: false,
  });
  expect(readdirSync(dirname(addon)).sort()).toEqual(['tfjs_binding.node', 'unet-fleet.json']);
  // The next time there is nothing to do, and nothing is said.
  const again: InstallEvent[] = [];
  expect(await setupEngine({ gpu: false, env, packageFolder }, (event) => again.push(event))).toEqual(
    install,
  );
  expect(again).toEqual([]);
});

test('an addon that another version of unet-fleet has compiled counts as none', async () => {
  const env = usersCache();
  const { addonKey } = await setupEngine({ gpu: false, env, packageFolder }, silentReport);
  const path = join(packageFolder, 'lib', 'napi-v8', 'unet-fleet.json');
  const record = readFileSync(path, 'utf8');
  expect(record).toContain(addonKey);
  writeFileSync(path, record.replace(addonKey, '0123456789abcdef'));
  expect(engineInstalled({ env, packageFolder })).toBeNull();
});

test('loading the addon says nothing, unless all is asked for', async () => {
  const env = usersCache();
  await setupEngine({ gpu: false, env, packageFolder }, silentReport);
  const addon = join(packageFolder, 'lib', 'napi-v8', 'tfjs_binding.node');
  const load = (level: string) =>
    spawnSync(process.execPath, ['-e', 'require(process.argv[1]).isUsingGpuDevice()', addon], {
      env: { ...process.env, TF_ENABLE_ONEDNN_OPTS: '1', TF_CPP_MIN_LOG_LEVEL: level },
      encoding: 'utf8',
    });
  expect(load('2')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(load('0')).toMatchObject({ status: 0, stderr: expect.stringContaining('oneDNN') });
});

test('a damaged addon counts as none, and is put right', async () => {
  const env = usersCache();
  await setupEngine({ gpu: false, env, packageFolder }, silentReport);
  const addon = join(packageFolder, 'lib', 'napi-v8', 'tfjs_binding.node');
  truncateSync(addon, 1000);
  expect(engineInstalled({ env, packageFolder })).toBeNull();
  expect(await checkAddon(addon, env)).toMatchObject({ loads: false });
  await setupEngine({ gpu: false, env, packageFolder }, silentReport);
  expect(await checkAddon(addon, env)).toMatchObject({ loads: true });
});

test('the addon is compiled from the sources of the package, by two set-ups at once', async () => {
  // Other sources, so that the cached addon does not fit; the user's wheel is used, the compiled addon is put elsewhere.
  const env = { ...process.env, UNET_FLEET_CACHE: join(folder, 'cache') };
  mkdirSync(env.UNET_FLEET_CACHE);
  symlinkSync(join(cacheFolder(), 'wheels'), join(env.UNET_FLEET_CACHE, 'wheels'));
  const steps: string[] = [];
  const setup = () =>
    setupEngine({ gpu: false, env, packageFolder }, (event) => {
      if (event.type === 'done') steps.push(event.step);
    });
  const [first, second] = await Promise.all([setup(), setup()]);
  expect(first).toEqual(second);
  expect(steps.filter((step) => step === 'compiling the TensorFlow addon')).toHaveLength(1);
  expect(await checkAddon(join(packageFolder, 'lib', 'napi-v8', 'tfjs_binding.node'), env)).toMatchObject({
    loads: true,
  });
});

const fetched = (): string => join(folder, 'python-has-fetched');
/** A Python whose pip says its version, and leaves a trace where it is to do more. */
const fetching = (): string => `[ "$3" = --version ] && echo pip 23.2.1 || : > '${fetched()}'`;

test('no g++ is said before anything is fetched', async () => {
  putOnPath('python3', fetching());
  const options = { gpu: false, env: emptyCache(), packageFolder };
  await expect(setupEngine(options, silentReport)).rejects.toThrow(
    new UserError(
      'there is no g++ on PATH: install it (Debian: apt install g++), it compiles the TensorFlow addon once',
      exitCodes.unavailable,
    ),
  );
  expect(existsSync(fetched())).toBe(false);
});

test('no python3', async () => {
  putOnPath('g++', 'echo 12.2.0');
  const options = { gpu: false, env: emptyCache(), packageFolder };
  await expect(setupEngine(options, silentReport)).rejects.toThrow(
    /there is no python3 on PATH: install Python 3/,
  );
});

test('neither python3 nor g++: both are said at once', async () => {
  const options = { gpu: false, env: emptyCache(), packageFolder };
  await expect(setupEngine(options, silentReport)).rejects.toThrow(
    /there is no g\+\+ on PATH: .*; and there is no python3 on PATH: /,
  );
});

test('too small a disk is said before anything is fetched', async () => {
  putOnPath('g++', 'echo 12.2.0');
  putOnPath('python3', fetching());
  const options = {
    gpu: false,
    env: emptyCache(),
    packageFolder,
    statfs: () => ({ bavail: 1000, bsize: 4096 }),
  };
  await expect(setupEngine(options, silentReport)).rejects.toThrow(
    /tensorflow.* needs 1\.1 GB in .*cache and 0\.004 GB are free: free some space, or point UNET_FLEET_CACHE to another disk/,
  );
  expect(existsSync(fetched())).toBe(false);
});

test('a compiler that fails is quoted, and leaves nothing behind that looks like an addon', async () => {
  putOnPath('g++', 'echo "tfjs_backend.cc:1:1: fatal error: string: No such file" >&2; exit 1');
  for (const name of ['sh', 'touch']) linkOnPath(name);
  const env = { PATH: bin, UNET_FLEET_CACHE: join(folder, 'cache') };
  mkdirSync(env.UNET_FLEET_CACHE);
  symlinkSync(join(cacheFolder(), 'wheels'), join(env.UNET_FLEET_CACHE, 'wheels'));
  writeFileSync(join(packageFolder, 'binding', 'utils.h'), '');
  await expect(setupEngine({ gpu: false, env, packageFolder }, silentReport)).rejects.toThrow(
    /g\+\+ .*fatal error: string/,
  );
  expect(readdirSync(env.UNET_FLEET_CACHE)).not.toContain('addons');
});

test('an addon that does not load says why', async () => {
  const path = join(folder, 'broken.node');
  writeFileSync(path, 'no library');
  expect(await checkAddon(path)).toEqual({
    loads: false,
    problem: expect.stringMatching(/broken\.node: (file too short|invalid ELF header)/),
  });
});

test('libraries of several wheels become siblings, so that ../ inside one leads to another', () => {
  const wheels = ['first', 'second'].map((name) => join(folder, name));
  for (const [wheel, library] of [
    [wheels[0]!, 'cublas'],
    [wheels[1]!, 'cudnn'],
  ] as const) {
    mkdirSync(join(wheel, 'nvidia', library, 'lib'), { recursive: true });
    writeFileSync(join(wheel, 'nvidia', library, 'lib', 'lib.so'), library);
    linkTree(wheel, join(folder, 'together'));
  }
  const from = join(folder, 'together', 'nvidia', 'cudnn', 'lib');
  // Not joined by Node, which would take the dots out: the kernel has to walk them.
  expect(readFileSync(`${from}/../../cublas/lib/lib.so`, 'utf8')).toBe('cublas');
});

test('the driver is asked which GPUs there are', () => {
  expect(parseGpus('550.54.15, 81559, NVIDIA H100 80GB HBM3\n550.54.15, 81559, Other, Inc.\n')).toEqual({
    version: '550.54.15',
    gpus: [
      { name: 'NVIDIA H100 80GB HBM3', memoryBytes: 81559 * 1024 ** 2 },
      { name: 'Other, Inc.', memoryBytes: 81559 * 1024 ** 2 },
    ],
  });
  expect(parseGpus('')).toEqual({ version: '', gpus: [] });
});

test.each([
  ['flags\t\t: fpu sse4_2 avx avx2\n', false],
  ['flags\t\t: fpu sse4_2 avx2_like\n', true],
  ['', false],
])('reads from %j whether AVX is missing', (cpuinfo, expected) => {
  expect(lacksAvx(cpuinfo)).toBe(expected);
});
