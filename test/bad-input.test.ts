/**
 * Bad input, as a person meets it: the built command ends with one sentence that names the thing and the remedy, with
 * the right exit code and no stack, and changes nothing that was there. One test per line of the list of faults.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, startBroker } from '@unet-fleet/coordinator';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { contentOf, copyOf, cutInHalf, garble } from './helpers/folders.ts';
import { childrenOf, type Ended, start, unetFleet } from './helpers/processes.ts';
import { committed, eventsOf, outcomeOf, recorded, sampleFlags } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), 'bad-input-'));
const sample = join(folder, 'sample');
const photos = 'photos';
const masks = 'annotations/pixel-level';
const firstPhoto = join(photos, '0001.jpg');
const firstMask = join(masks, '0001.mat');
const small = [
  ...['--size', '32x32', '--base-width', '2', '--batch-size', '2', '--epochs', '1', '--device', 'cpu'],
  ...['--threads', '1', '--validation-share', '0.2', '--dashboard', 'false', '--tensorboard', 'false'],
];
/** A finished run, to be copied by the tests that spoil one. */
const finished = join(folder, 'finished');

const dataFlags = (set: string) => ['--images', join(set, photos), '--masks', join(set, masks)];
const trainFlags = (set: string, runDir: string) => [...dataFlags(set), ...small, '--run-dir', runDir];

const exit = { usage: 2, unavailable: 3 };

/** One sentence for a person on stderr, after whatever was told before it, and the exit code that scripts see. */
function expectSentence({ code, stdout, stderr }: Ended, exitCode: number, sentence: RegExp): void {
  const lines = stderr.trimEnd().split('\n');
  expect(lines.at(-1)).toMatch(sentence);
  // With --json the banner goes to stderr as well.
  expect(lines.filter((line) => /^unet-fleet: (?!training run)/.test(line))).toHaveLength(1);
  expect(stdout + stderr).not.toMatch(/^\s+at |\bError\b|undefined|\[object/m);
  expect(code).toBe(exitCode);
}

let numCopies = 0;
const nextFolder = (name: string): string => join(folder, `${name}-${++numCopies}`);

beforeAll(async () => {
  await sampleFlags(sample, 6);
  outcomeOf(await unetFleet(['train', ...trainFlags(sample, finished), '--json']));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('options', () => {
  test('an unknown option', async () => {
    const ended = await unetFleet(['train', '--bach-size', '8']);
    expectSentence(
      ended,
      exit.usage,
      /^unet-fleet: unknown option --bach-size; did you mean --batch-size\?$/,
    );
  });

  test('an unknown config key', async () => {
    const file = join(folder, 'recipe.yaml');
    writeFileSync(file, 'train:\n  learningrate: 0.1\n');
    const ended = await unetFleet(['train', '--config', file]);
    expectSentence(
      ended,
      exit.usage,
      /unknown key train\.learningrate in .*recipe\.yaml; did you mean train\.learningRate\?$/,
    );
  });
});

describe.concurrent('data', () => {
  type Case = [what: string, spoil: (set: string) => void, flags: string[], sentence: RegExp];
  const emptied = (path: string) => {
    rmSync(path, { recursive: true });
    mkdirSync(path);
  };
  test.each<Case>([
    [
      'a folder of photos that is missing',
      (set) => rmSync(join(set, photos), { recursive: true }),
      [],
      /There is no folder .*photos: check --images\.$/,
    ],
    [
      'a folder of masks that is missing',
      (set) => rmSync(join(set, masks), { recursive: true }),
      [],
      /There is no folder .*pixel-level: check --masks\.$/,
    ],
    [
      'an empty folder of photos',
      (set) => emptied(join(set, photos)),
      [],
      /The folder .*photos is empty: check --images\.$/,
    ],
    [
      'an empty folder of masks',
      (set) => emptied(join(set, masks)),
      [],
      /The folder .*pixel-level is empty: check --masks\.$/,
    ],
    [
      'one image only',
      (set) => {
        const others = readdirSync(join(set, photos)).filter((name) => name !== '0001.jpg');
        for (const name of others) rmSync(join(set, photos, name));
      },
      [],
      /There is only one photo with a mask \(0001\): at least two are needed/,
    ],
    [
      'a corrupt image',
      (set) => garble(join(set, firstPhoto)),
      [],
      /1 file cannot be read \(0001\.jpg: .+\): mend them, or use --wrong-masks skip to leave them out\.$/,
    ],
    [
      'a truncated image',
      (set) => cutInHalf(join(set, firstPhoto)),
      [],
      /1 file cannot be read \(0001\.jpg: .+\): mend them, or use --wrong-masks skip/,
    ],
    [
      'a corrupt .mat',
      (set) => garble(join(set, firstMask)),
      [],
      /1 file cannot be read \(0001\.mat: .*no MATLAB file.*\): mend them, or use --wrong-masks skip/,
    ],
    [
      'a truncated .mat',
      (set) => cutInHalf(join(set, firstMask)),
      [],
      /1 file cannot be read \(0001\.mat: .*ends early.*\): mend them, or use --wrong-masks skip/,
    ],
    [
      'a mask with an absent variable',
      () => {},
      ['--mat-variable', 'labels'],
      /6 files cannot be read \(0001\.mat: it has no variable "labels"; there is groundtruth .*; name one with --mat-variable: groundtruth .* and 3 more\)/,
    ],
    [
      'more classes in the masks than configured',
      () => {},
      ['--num-classes', '3'],
      /masks? with values that are no class \(0001\.mat: 3 \(\d+ pixels?\).*\): mend them, set --num-classes 7 if they are classes, or use --wrong-masks skip/,
    ],
    [
      'a batch larger than the set',
      () => {},
      ['--batch-size', '6'],
      /A batch of 6 is larger than the training set of 5 photos: set --batch-size to 5 or less\.$/,
    ],
    [
      'validation share 0',
      () => {},
      ['--validation-share', '0'],
      /--validation-share 0 is not allowed: .*training and validation both need photos/,
    ],
    [
      'validation share 1',
      () => {},
      ['--validation-share', '1'],
      /--validation-share 1 is not allowed: .*training and validation both need photos/,
    ],
  ])('%s', async (_, spoil, flags, sentence) => {
    const set = copyOf(sample, nextFolder('set'));
    spoil(set);
    const before = contentOf(set);
    const runDir = nextFolder('run');
    const ended = await unetFleet(['train', ...trainFlags(set, runDir), ...flags]);
    expectSentence(ended, exit.usage, sentence);
    expect(contentOf(set)).toEqual(before);
    // No half a run that the next command would take for the newest.
    expect(contentOf(runDir)).toEqual({});
  });
});

/** Of a run folder, what must not be lost. The lock's term rises with each start, however it ends. */
const keptOf = (runDir: string) =>
  Object.fromEntries(Object.entries(contentOf(runDir)).filter(([path]) => !path.startsWith('terms/')));

describe.concurrent('run folders', () => {
  test('a run folder of another config', async () => {
    const runDir = copyOf(finished, nextFolder('run'));
    const before = keptOf(runDir);
    const flags = ['--learning-rate', '0.5', '--batch-size', '1', '--seed', '8'];
    const ended = await unetFleet(['train', '--resume', '--run-dir', runDir, ...flags]);
    expectSentence(
      ended,
      exit.usage,
      /The run in .* has another config \(--batch-size 2 there, 1 here; --seed \d+ there, 8 here\): use its options, or choose another --run-dir; only --epochs, .* can be given anew\.$/,
    );
    expect(keptOf(runDir)).toEqual(before);
  });

  test('a run folder with a run in it', async () => {
    const runDir = copyOf(finished, nextFolder('run'));
    const before = contentOf(runDir);
    const ended = await unetFleet(['train', ...trainFlags(sample, runDir)]);
    expectSentence(
      ended,
      exit.usage,
      /holds a run already: continue it with --resume, or choose another folder with --run-dir\.$/,
    );
    expect(contentOf(runDir)).toEqual(before);
  });

  test('a run whose data has changed', async () => {
    const runDir = copyOf(finished, nextFolder('run'));
    const before = keptOf(runDir);
    const set = copyOf(sample, nextFolder('set'));
    rmSync(join(set, firstPhoto));
    const ended = await unetFleet(['train', '--resume', '--run-dir', runDir, ...dataFlags(set)]);
    expectSentence(
      ended,
      exit.usage,
      /The data has changed since the run in .* was made: restore the photos, the masks and the lists of the split, or choose another --run-dir\.$/,
    );
    expect(keptOf(runDir)).toEqual(before);
  });

  const uses: [string, string[]][] = [
    ['train --resume', ['train', '--resume']],
    ['evaluate', ['evaluate']],
    ['predict', ['predict', join(sample, photos)]],
  ];
  test.each(uses)('%s without a run folder', async (_, command) => {
    const runDir = join(folder, 'none');
    const ended = await unetFleet([...command, '--run-dir', runDir]);
    expectSentence(ended, exit.usage, /There is no folder .*none: name the folder of a run/);
    expect(contentOf(runDir)).toEqual({});
  });

  test.each(uses)('%s with an empty folder of checkpoints', async (_, command) => {
    const runDir = copyOf(finished, nextFolder('run'));
    const checkpoints = join(runDir, 'checkpoints');
    rmSync(checkpoints, { recursive: true });
    mkdirSync(checkpoints);
    const before = keptOf(runDir);
    const ended = await unetFleet([...command, '--run-dir', runDir]);
    expectSentence(ended, exit.usage, /There is no checkpoint in .*checkpoints: .* start it anew/);
    expect(keptOf(runDir)).toEqual(before);
  });

  test.each(uses)('%s with a missing folder of checkpoints', async (_, command) => {
    const runDir = copyOf(finished, nextFolder('run'));
    rmSync(join(runDir, 'checkpoints'), { recursive: true });
    const before = keptOf(runDir);
    const ended = await unetFleet([...command, '--run-dir', runDir]);
    expectSentence(ended, exit.usage, /There is no (checkpoint in|folder) .*: .*/);
    expect(keptOf(runDir)).toEqual(before);
  });
});

describe('broker', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker({ port: 0, folder: join(folder, 'broker') });
  });
  afterAll(() => broker.stop());
  const asUser = ({ user, password }: { user: string; password: string }) => ({
    env: { UNET_FLEET_NATS_USER: user, UNET_FLEET_NATS_PASSWORD: password },
  });
  const commands: [string, (runDir: string) => string[]][] = [
    ['train', (runDir) => ['train', ...trainFlags(sample, runDir)]],
    ['coordinator', (runDir) => ['coordinator', ...trainFlags(sample, runDir)]],
    ['worker', () => ['worker']],
  ];

  test('a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' ? address!.port : 0;
    const args = ['train', ...trainFlags(sample, nextFolder('run')), '--nats-port', `${port}`];
    expectSentence(
      await unetFleet(args),
      exit.unavailable,
      new RegExp(
        `port ${port} on 127\\.0\\.0\\.1 is in use: choose another by --nats-port, or 0 for any free one$`,
      ),
    );
    other.close();
  });

  test.each(commands)('%s with a broker that is down', async (_, argsFor) => {
    const args = [...argsFor(nextFolder('run')), '--nats-url', 'nats://127.0.0.1:1'];
    expectSentence(
      await unetFleet(args),
      exit.unavailable,
      /no broker answers at nats:\/\/127\.0\.0\.1:1 \(.*\): start nats-server there, check --nats-url/,
    );
  });

  test.each(commands)('%s with a broker that refuses the password', async (_, argsFor) => {
    const ended = await unetFleet(
      [...argsFor(nextFolder('run')), '--nats-url', broker.url],
      asUser({ user: 'fleet', password: 'guessed' }),
    );
    expectSentence(
      ended,
      exit.usage,
      /refuses the password of user fleet: check --nats-user and --nats-password$/,
    );
    expect(ended.stdout + ended.stderr).not.toContain('guessed');
  });

  test('a broker of its own that is killed under a run is started again, and the run goes on', async () => {
    const runDir = nextFolder('run');
    const run = start(['train', ...trainFlags(sample, runDir), '--epochs', '400', '--json']);
    await committed(run, runDir, 1);
    const [shell] = childrenOf(run.pid, '/bin/sh');
    const [server] = childrenOf(shell!, '-c');
    process.kill(server!, 'SIGKILL');
    await recorded(run, runDir, 'the return of the broker', (event) => event.type === 'broker-back');
    const numSteps = eventsOf(runDir).filter((event) => event.type === 'step').length;
    await committed(run, runDir, numSteps + 2);
    run.signal('SIGINT');
    const ended = await run.ended;
    expect(outcomeOf(ended).reason).toBe('stopped');
    expect(ended.stderr).toMatch(/the embedded broker was killed: it is started again/);
  });

  test('workers with other data or of another version are refused, and the run goes on with a good one', async () => {
    const runDir = nextFolder('run');
    const env = asUser(broker.worker);
    const coordinator = start(
      ['coordinator', ...trainFlags(sample, runDir), '--nats-url', broker.url, '--json'],
      asUser(broker),
    );
    await recorded(coordinator, runDir, 'it runs', (event) => event.type === 'run-started');
    const worker = ['worker', '--nats-url', broker.url];

    const busy = await unetFleet(['train', '--resume', '--run-dir', runDir]);
    expectSentence(
      busy,
      exit.unavailable,
      /Process \d+ on .* is training in .*: stop it, or choose another --run-dir\.$/,
    );

    const other = copyOf(sample, nextFolder('set'));
    rmSync(join(other, firstPhoto));
    const otherProtocol = new URL('./helpers/other-protocol.mjs', import.meta.url).href;
    const [otherData, otherVersion] = await Promise.all([
      unetFleet([...worker, ...dataFlags(other), '--name', 'stray'], env),
      unetFleet([...worker, '--name', 'newer'], {
        env: { ...env.env, NODE_OPTIONS: `--import ${otherProtocol}` },
      }),
    ]);
    const otherDataSentence =
      /worker stray has other data than the run \(5 samples, hash \w+; the run has 6 samples, hash \w+\): give it --images and --masks with the same files$/;
    expectSentence(otherData, exit.usage, otherDataSentence);
    expectSentence(
      otherVersion,
      exit.usage,
      /worker newer speaks protocol \d+ \(unet-fleet .*\) but the coordinator speaks \d+ \(unet-fleet .*\): install the same version of unet-fleet on both$/,
    );
    await unetFleet(worker, env);
    const ended = await coordinator.ended;
    expect(outcomeOf(ended).reason).toBe('completed');
    expect(ended.stderr).toMatch(/warning: worker stray has other data than the run/);
  });
});
