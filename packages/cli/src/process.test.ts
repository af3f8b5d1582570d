/**
 * The built command as a process: what a person reads, and the exit code, when something is wrong. Faults of data, run
 * folders and brokers are in test/bad-input.test.ts.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configOptions } from '@unet-fleet/law';
import { afterAll, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../bin/unet-fleet.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function unetFleet(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const cache = join(folder, 'cache');
    const child = spawn(process.execPath, [script, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, UNET_FLEET_CACHE: cache, ...env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

mkdirSync(join(folder, 'empty'));
writeFileSync(join(folder, 'bad.json'), '{"train": {"epochs": 0}}');
const data = ['--images', 'empty', '--masks', 'empty'];

test.each<[string, string[], string]>([
  [
    'an unknown option with its value',
    ['train', '--bach-size=8'],
    'unknown option --bach-size; did you mean --batch',
  ],
  ['an option of another command', ['sample', '--epochs', '3'], 'unknown option --epochs; --help lists them'],
  ['an unknown command', ['trian'], 'unknown command trian; did you mean train?'],
  [
    'a wrong value in a file',
    ['train', '--config', 'bad.json'],
    `train.epochs: 0 in ${join(folder, 'bad.json')} is not allowed: it must be a whole number from 1 to 1000000`,
  ],
  ['a missing config file', ['train', '--config', 'none.yaml'], 'there is no config file'],
  [
    'a wrong value',
    ['train', '--batch-size', 'x'],
    '--batch-size x is not allowed: it must be a whole number',
  ],
  [
    'no folders',
    ['train'],
    '--images (the folder of photos) and --masks (the folder of masks) must be given, or a packed data set with --pack',
  ],
  ['an empty folder', ['inspect', ...data], 'empty'],
  ['a worker without a broker', ['worker'], 'a worker needs --join'],
  ['a URL that is cut off', ['worker', '--join', 'unet-fleet://worker:x@h:1/r'], 'its end is missing'],
  [
    'a host for a URL that is not there',
    ['train', ...data, '--join-host', 'gpu-1'],
    '--join-host gpu-1 has no effect: the broker is for this machine alone',
  ],
  [
    'a host for a broker that runs elsewhere',
    ['coordinator', ...data, '--nats-url', 'nats://h:1', '--nats-host', '10.0.0.5'],
    '--nats-host 10.0.0.5 is for the embedded server, which --nats-url turns off',
  ],
  [
    'a password without a user',
    ['train', ...data, '--nats-password', 'p'],
    '--nats-password is given without --nats-user',
  ],
  ['nothing to resume', ['train', '--resume'], 'there is no run in'],
  ['nothing to predict with', ['predict', 'photo.jpg'], 'there is no run with a checkpoint in'],
  ['nothing to predict', ['predict'], "missing required argument 'photos'"],
  [
    'too few sample photos',
    ['sample', '--photos', '1'],
    '--photos 1 is not allowed: it must be a whole number from 2',
  ],
])('%s ends with one sentence and no stack', async (_, args, message) => {
  const { code, stdout, stderr } = await unetFleet(args);
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^unet-fleet: .*\w/);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).not.toContain('unet-fleet:');
  expect([2, 3]).toContain(code);
});

test('a wrong variable is named', async () => {
  const { code, stderr } = await unetFleet(['train'], { UNET_FLEET_BATCH_SIZE: '0' });
  expect(stderr).toBe(
    'unet-fleet: UNET_FLEET_BATCH_SIZE=0 is not allowed: it must be a whole number from 1 to 65536\n',
  );
  expect(code).toBe(2);
});

test('a broken invariant shows its stack and how to report it', async () => {
  const { errorReport } = await import('./report-error.ts');
  const { text, exitCode } = errorReport(new Error('leaf 3 of 2'), { flags: [], commands: [] });
  expect(exitCode).toBe(1);
  expect(text).toMatch(
    /^unet-fleet: this is a bug in unet-fleet; please report it.*\nError: leaf 3 of 2\n {4}at /,
  );
});

test('the help of train has every option of the schema with unit and default', async () => {
  const { code, stdout } = await unetFleet(['train', '--help']);
  expect(code).toBe(0);
  for (const { flag } of configOptions) expect(stdout).toContain(`${flag} `);
  const text = stdout.replace(/\s+/g, ' ');
  expect(text).toContain('however many workers there are (images, default 1)');
  expect(text).toContain('(validations, default 2, only with --schedule plateau)');
  expect(text).toContain('Training: --epochs');
});

test('version and an empty command line', async () => {
  expect(await unetFleet(['--version'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
  const { code, stderr } = await unetFleet([]);
  expect(code).toBe(2);
  expect(stderr).toContain('Usage: unet-fleet');
});

test('docs/configuration.md is what config --markdown writes', async () => {
  const { stdout } = await unetFleet(['config', '--markdown']);
  const page = readFileSync(
    fileURLToPath(new URL('../../../docs/configuration.md', import.meta.url)),
    'utf8',
  );
  expect(page, 'run: npx unet-fleet config --markdown > docs/configuration.md').toBe(stdout);
});

test('config --json names each option with help, unit, default and variable', async () => {
  const rows = JSON.parse((await unetFleet(['config', '--json'])).stdout);
  expect(rows).toHaveLength(configOptions.length);
  expect(rows.find(({ flag }: { flag: string }) => flag === '--lease-seconds')).toEqual({
    group: 'run',
    key: 'run.leaseSeconds',
    flag: '--lease-seconds',
    env: 'UNET_FLEET_LEASE_SECONDS',
    help: "silence after which a worker's work goes to others",
    unit: 'seconds',
    default: 10,
    allowed: 'a number from 3 to 3600',
    onlyWith: '',
  });
});

test.each([
  ['unpaired photos', ['--unpaired', 'stop']],
  ['too large a batch', ['--batch-size', '9']],
])('inspect ends as training would: %s', async (_, wrong) => {
  await unetFleet(['sample', '--photos', '4', '--size', '48x64', '--out', 'set']);
  rmSync(join(folder, 'set/annotations/pixel-level/0002.mat'), { force: true });
  const args = ['--images', 'set/photos', '--masks', 'set/annotations/pixel-level', ...wrong];
  const [inspected, trained] = await Promise.all([
    unetFleet(['inspect', ...args, '--json']),
    unetFleet(['train', ...args]),
  ]);
  const { stop } = JSON.parse(inspected.stdout).training;
  expect(trained.stderr).toContain(`unet-fleet: ${stop}\n`);
  expect([inspected.code, trained.code]).toEqual([2, 2]);
});

test('a sample set is made once, looked at, and never written over other files', async () => {
  const args = ['sample', '--photos', '4', '--size', '48x64'];
  expect((await unetFleet(args)).stdout).toContain('sample set: 4 photos in sample\n');
  expect((await unetFleet(args)).stdout).toContain('sample set: 4 photos in sample, made before');
  const inspected = await unetFleet([
    'inspect',
    '--images',
    'sample/photos',
    '--masks',
    'sample/annotations/pixel-level',
    '--class-names',
    'sample/label_list.mat',
    '--json',
  ]);
  const table = JSON.parse(inspected.stdout);
  expect(table).toMatchObject({ numSamples: 4, sizes: [{ width: 48, height: 64, numImages: 4 }] });
  expect(table.classes[0].name).toBe('null');
  expect(table.training).toMatchObject({ stop: null, notes: [], warnings: [] });
  rmSync(join(folder, 'sample/annotations/pixel-level/0002.mat'));
  const without = ['--images', 'sample/photos', '--masks', 'sample/annotations/pixel-level', '--unpaired'];
  const told = JSON.parse((await unetFleet(['inspect', ...without, 'warn', '--json'])).stdout);
  expect(told.training).toMatchObject({
    stop: null,
    notes: [],
    warnings: ['Left out: 1 photo without a mask (0002.jpg).'],
  });
  expect(readFileSync(join(folder, 'contact-sheet.png')).subarray(1, 4).toString()).toBe('PNG');
  const nowhere = 'sample/label_list.mat/sheet.png';
  const sheetless = await unetFleet(['inspect', ...without, 'warn', '--out', nowhere, '--json']);
  expect(JSON.parse(sheetless.stdout)).toEqual({ ...told, contactSheet: null });
  expect(sheetless.stderr).toMatch(
    /label_list\.mat is in the way of the contact sheet: .* or name another file with --out\n$/s,
  );
  expect(sheetless.code).toBe(2);
  mkdirSync(join(folder, 'mine'));
  writeFileSync(join(folder, 'mine', 'photo.jpg'), 'mine');
  const refused = await unetFleet(['sample', '--out', 'mine']);
  expect(refused.stderr).toContain('holds files that are no sample set');
  expect(readFileSync(join(folder, 'mine', 'photo.jpg'), 'utf8')).toBe('mine');
});
