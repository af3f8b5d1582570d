/**
 * Workers without the data folder: what they fetch is what was scanned, or it is refused; and the weights are those of a
 * worker that reads the folder.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, type RunOutcome, startBroker } from '@unet-fleet/coordinator';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type RangeServer, serveFolder } from '../packages/dataset/test-support/range-server.ts';
import { type Started, start, until } from './helpers/processes.ts';
import { committed, courseOf, eventsOf, outcomeOf, recorded, sampleFlags } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const recipe = [
  ...['--size', '48x64', '--base-width', '4', '--batch-size', '7', '--leaf-size', '2', '--epochs', '2'],
  ...['--seed', '3', '--device', 'cpu', '--threads', '1', '--dashboard', 'false'],
  ...['--tensorboard', 'false'],
];
const folder = mkdtempSync(join(tmpdir(), 'worker-data-'));
const sample = join(folder, 'sample');
const referenceDir = join(folder, 'reference');
let data: string[] = [];
let broker: Broker;
let reference: RunOutcome;

beforeAll(async () => {
  data = await sampleFlags(sample, 24);
  broker = await startBroker({ port: 0, folder: join(folder, 'broker') });
  reference = outcomeOf(
    await start(['train', ...data, ...recipe, '--run-dir', referenceDir, '--json', '--workers', '1']).ended,
  );
});
afterAll(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

const as = ({ user, password }: { user: string; password: string }) => ({
  env: { UNET_FLEET_NATS_USER: user, UNET_FLEET_NATS_PASSWORD: password },
});
let numRuns = 0;
const nextFolder = (name: string) => join(folder, `${name}-${numRuns++}`);
const coordinate = (runDir: string, ...flags: string[]): Started =>
  start(
    ['coordinator', '--nats-url', broker.url, '--run-dir', runDir, '--json', ...recipe, ...flags],
    as(broker),
  );
const work = (cache: string, ...flags: string[]): Started =>
  start(
    ['worker', '--nats-url', broker.url, '--fetch', '--sample-cache', cache, '--name', 'bare', ...flags],
    as(broker.worker),
  );
const filesIn = (cache: string) =>
  readdirSync(cache, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;

function expectReference(outcome: RunOutcome, runDir: string): void {
  expect(outcome.weightsSha256).toBe(reference.weightsSha256);
  expect(courseOf(runDir)).toEqual(courseOf(referenceDir));
}

test('a worker that has nothing gets every photo and mask from the coordinator, once, and the same weights', async () => {
  const [runDir, cache] = [nextFolder('run'), nextFolder('cache')];
  const coordinator = coordinate(runDir, ...data);
  const worker = work(cache);
  expectReference(outcomeOf(await coordinator.ended), runDir);
  const stderr = expect.stringContaining(`data: 24 samples from the coordinator, kept in ${cache}`);
  expect(await worker.ended).toMatchObject({ code: 0, stderr });
  // The listing, and two files of each sample.
  expect(filesIn(cache)).toBe(49);
});

test('a split that is listed is that of every worker, with the folder or without', async () => {
  const ids = readdirSync(join(sample, 'photos')).map((name) => name.replace('.jpg', ''));
  const [train, val] = [ids.slice(3, 18), ids.slice(18, 22)];
  const lists = nextFolder('lists');
  mkdirSync(lists);
  writeFileSync(join(lists, 'train.txt'), train.join('\n'));
  writeFileSync(join(lists, 'val.txt'), val.map((id) => `photos/${id}.jpg\r\n`).join(''));
  const listed = ['--train-list', join(lists, 'train.txt'), '--val-list', join(lists, 'val.txt')];
  const flags = [...data, ...listed, '--epochs', '1'];
  const [withFolder, without] = [nextFolder('run'), nextFolder('run')];
  const args = ['train', ...recipe, ...flags, '--run-dir', withFolder, '--json', '--workers', '1'];
  const one = outcomeOf(await start(args).ended);
  const coordinator = coordinate(without, ...flags);
  const worker = work(nextFolder('cache'));
  const other = outcomeOf(await coordinator.ended);
  expect(await worker.ended).toMatchObject({ code: 0 });
  expect(other.weightsSha256).toBe(one.weightsSha256);
  for (const runDir of [withFolder, without]) {
    expect(JSON.parse(readFileSync(join(runDir, 'split.json'), 'utf8'))).toEqual({ train, validation: val });
  }
  // A photo that moves from one part to the other makes other data, though every file is there as before.
  writeFileSync(join(lists, 'train.txt'), [...train, val[0]].join('\n'));
  writeFileSync(join(lists, 'val.txt'), val.slice(1).join('\n'));
  const resumed = await start(['train', '--resume', '--run-dir', withFolder]).ended;
  expect(resumed).toMatchObject({ code: 2, stderr: expect.stringContaining('lists of the split') });
});

test('both outlive a coordinator that is killed', async () => {
  const runDir = nextFolder('run');
  const first = coordinate(runDir, ...data, '--checkpoint-every', '1');
  const workers = [work(nextFolder('cache')), work(nextFolder('cache'))];
  await committed(first, runDir, 2);
  first.signal('SIGKILL');
  await first.ended;
  expectReference(outcomeOf(await coordinate(runDir, '--continue', ...data).ended), runDir);
  for (const worker of workers) expect(await worker.ended).toMatchObject({ code: 0 });
});

test.each([
  ['forged', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -3), Buffer.from('abc')])],
  ['truncated', (bytes: Buffer) => bytes.subarray(0, bytes.byteLength >> 1)],
])('a photo that is %s after the scan is refused by name, and changes no weight', async (_, change) => {
  const copy = nextFolder('copy');
  cpSync(sample, copy, { recursive: true });
  const flags = data.map((flag) => flag.replace(sample, copy));
  const photos = flags[flags.indexOf('--images') + 1]!;
  const name = readdirSync(photos)[4]!;
  const [runDir, path] = [nextFolder('run'), join(photos, name)];
  const coordinator = coordinate(runDir, ...flags);
  await until(coordinator, 'it has scanned', () => /waiting: 0 of/.exec(coordinator.said()) ?? undefined);
  const good = readFileSync(path);
  writeFileSync(path, change(good));
  const refusing = work(nextFolder('cache'));
  const sentence = new RegExp(
    `the photo ${name} that the coordinator sends \\(\\d+ bytes\\) is not the file that the run was created with: restore it there`,
  );
  expect(await refusing.ended).toMatchObject({ code: 2, stderr: expect.stringMatching(sentence) });
  await recorded(
    coordinator,
    runDir,
    'what the worker said',
    (event) => event.type === 'worker-left' && sentence.test(event.reason),
  );
  writeFileSync(path, good);
  const worker = work(nextFolder('cache'));
  expectReference(outcomeOf(await coordinator.ended), runDir);
  expect(await worker.ended).toMatchObject({ code: 0 });
});

test('a worker whose own folders hold other data is refused by name', async () => {
  const other = await sampleFlags(nextFolder('other'), 12);
  const runDir = nextFolder('run');
  const coordinator = coordinate(runDir, ...data);
  const refused = start(
    ['worker', '--nats-url', broker.url, '--name', 'stranger', ...other.slice(0, 4)],
    as(broker.worker),
  );
  const stderr = expect.stringMatching(
    /worker stranger has other data than the run \(12 samples, hash [0-9a-f]{12}; the run has 24/,
  );
  expect(await refused.ended).toMatchObject({ code: 2, stderr });
  coordinator.signal('SIGTERM');
  await coordinator.ended;
});

test('a pack on a web server serves coordinator and worker, and one that lies is passed over', async () => {
  const pack = nextFolder('pack');
  const packed = await start(['pack', ...data, '--out', pack, '--json']).ended;
  expect(JSON.parse(packed.stdout)).toMatchObject({ numSamples: 24, numFiles: 49, numShards: 1 });
  let isLying = false;
  const server: RangeServer = await serveFolder(pack, {
    authorization: 'Bearer t',
    change: (bytes, path) => (isLying && path.endsWith('.tar') ? Buffer.alloc(bytes.byteLength) : bytes),
  });
  try {
    const runDir = nextFolder('run');
    const env = { UNET_FLEET_CACHE: process.env.UNET_FLEET_CACHE ?? '', UNET_FLEET_PACK_TOKEN: 't' };
    const withToken = (login: { user: string; password: string }) => ({ env: { ...as(login).env, ...env } });
    const coordinator = start(
      [
        'coordinator',
        '--nats-url',
        broker.url,
        '--run-dir',
        runDir,
        '--json',
        ...recipe,
        '--pack',
        server.url,
      ],
      withToken(broker),
    );
    await until(coordinator, 'it has scanned', () => /waiting: 0 of/.exec(coordinator.said()) ?? undefined);
    expect(readFileSync(join(runDir, 'config.json'), 'utf8')).not.toContain('"t"');
    const numBefore = server.requests.length;
    isLying = true;
    const flags = ['--nats-url', broker.url, '--fetch', '--sample-cache', nextFolder('cache')];
    const worker = start(['worker', ...flags], withToken(broker.worker));
    expectReference(outcomeOf(await coordinator.ended), runDir);
    const { code, stderr } = await worker.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/that http:\S+ sends \(\d+ bytes\) is not the file .*; the next source is asked/);
    // The index, and each of the files until it is given up.
    expect(server.requests.length).toBeGreaterThan(numBefore + 3);
  } finally {
    await server.close();
  }
});

test('a run on a pack is evaluated and replayed with it', async () => {
  const [pack, runDir] = [nextFolder('pack'), nextFolder('run')];
  await start(['pack', ...data, '--out', pack]).ended;
  const trained = await start(['train', '--pack', pack, ...recipe, '--run-dir', runDir, '--json']).ended;
  expectReference(outcomeOf(trained), runDir);
  const evaluated = await start(['evaluate', '--run-dir', runDir, '--json']).ended;
  expect(JSON.parse(evaluated.stdout)).toMatchObject({ numImages: 2 });
  expect(await start(['replay', runDir, '--from-start', '--json']).ended).toMatchObject({ code: 0 });
  expect(eventsOf(runDir).some(({ type }) => type === 'validated')).toBe(true);
});
