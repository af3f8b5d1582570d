/** `unet-fleet deploy render` as a command: files, parts, keys, faults of a person, and its page in docs. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { names } from '@unet-fleet/deploy';
import { configOptions } from '@unet-fleet/law';
import type { Io } from 'unet-fleet/io';
import { wholeProgram } from 'unet-fleet/program';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { schemaFaults } from './manifests/check-schema.ts';
import { type Any, cli, data, folder, outside, pack, root } from './manifests/rendered.ts';

beforeAll(async () => {
  await cli(['credentials', '--workers', '8', '--hosts', 'nats.example.org', '--out', 'shared']);
  const { stderr } = await cli(['deploy', 'render', ...data]);
  expect(stderr).toMatch(/^made credentials for up to 32 workers in credentials: keep the folder/);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('--out writes the parts as files, secrets for their owner alone; --only some; credentials are made once', async () => {
  const before = readFileSync(join(folder, 'credentials/coordinator.seed'), 'utf8');
  const { stdout } = await cli(['deploy', 'render', ...data, '--out', 'manifests', '--json']);
  const { files } = JSON.parse(stdout);
  expect(files.map(({ path }: Any) => path)).toEqual(
    [
      'namespace',
      'accounts',
      'network',
      'recipe',
      'secrets',
      'storage',
      'nats',
      'coordinator',
      'workers',
    ].map((part) => join(folder, 'manifests', `${part}.yaml`)),
  );
  expect(statSync(join(folder, 'manifests/secrets.yaml')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(folder, 'credentials/coordinator.seed'), 'utf8')).toBe(before);
  const only = await cli(['deploy', 'render', '--only', 'namespace,loader', '--json']);
  expect(JSON.parse(only.stdout).map(({ kind }: Any) => kind)).toEqual(['Namespace', 'Pod']);
  expect(JSON.parse(only.stdout).flatMap(schemaFaults)).toEqual([]);
});

test('a worker whose key was revoked has none in the Secret', async () => {
  await cli(['deploy', 'render', '--only', 'secrets', '--max-workers', '3', '--credentials', 'revoked']);
  await cli(['credentials', '--out', 'revoked', '--revoke', 'worker-2']);
  const { stdout } = await cli([
    'deploy',
    'render',
    '--only',
    'secrets',
    '--credentials',
    'revoked',
    '--json',
  ]);
  const { data: files } = JSON.parse(stdout).find(({ metadata }: Any) => metadata.name === names.workers);
  const texts = Object.values(files).map((value) => Buffer.from(value as string, 'base64').toString());
  expect(texts.join('')).toMatch(/identity: worker-1[\s\S]*identity: worker-3/);
  expect(texts.join('')).not.toContain('identity: worker-2');
});

const wrong: [string, string[], RegExp][] = [
  ['no data', [], /--images \(the folder of photos\) and --masks/],
  ['a namespace with capitals', [...data, '--namespace', 'My_Run'], /--namespace "My_Run" is not allowed/],
  [
    'no quantity',
    [...data, '--worker-memory', '8 GB'],
    /--worker-memory 8 GB is not allowed: give a quantity/,
  ],
  ['no workers', [...data, '--workers', '0'], /--workers 0 is not allowed: it must be a whole number from 1/],
  [
    'a part that there is none of',
    [...data, '--only', 'pods'],
    /--only pods is not allowed: it takes namespace/,
  ],
  [
    'a part that these options make none of',
    [...data, '--only', 'monitoring'],
    /these options make no monitoring/,
  ],
  [
    'two places for the data',
    [...pack.https, '--data-volume', 'photos'],
    /--data-volume and a --pack with a URL/,
  ],
  [
    'a password in a URL',
    ['--pack', 'https://me:word@example.org/x'],
    /password in the URL of --pack would be/,
  ],
  ['a GPU and none', [...data, '--gpu', '--device', 'cpu'], /--gpu and --device cpu are both given/],
  ['a GPU that is not asked for', [...data, '--device', 'gpu'], /--device gpu needs --gpu/],
  [
    'more workers than keys',
    [...data, '--workers', '40'],
    /has keys for 32 workers, not for 40: add some with/,
  ],
  [
    'a broker elsewhere without its keys',
    [...data, ...outside, '--credentials', 'none'],
    /holds no credentials/,
  ],
  ["keys of a broker on a person's machine", [...data, '--credentials', 'shared'], /is not for a cluster/],
  [
    'no labels',
    [...data, '--worker-nodes', 'gpu'],
    /--worker-nodes gpu is not allowed: give labels as key=value/,
  ],
  ['an unknown option', [...data, '--gpus'], /unknown option --gpus; did you mean --gpu\?/],
  [
    'an unknown key in the recipe',
    ['--config', 'wrong.yaml'],
    /unknown key train\.batchsize in .*wrong\.yaml/,
  ],
  [
    'a folder that cannot be',
    [...data, '--out', 'wrong.yaml/below'],
    /wrong\.yaml is in the way of the manifests: .*--out/,
  ],
];

test.each(wrong)('%s: one sentence, nothing printed', async (_, flags, sentence) => {
  writeFileSync(join(folder, 'wrong.yaml'), 'train: { batchsize: 2 }\n');
  const { code, stdout, stderr } = await cli(['deploy', 'render', ...flags]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(sentence);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

test('docs/kubernetes.md tells of every option that is not the training’s', async () => {
  const page = readFileSync(join(root, 'docs/kubernetes.md'), 'utf8');
  const { commands } = await wholeProgram({ env: {}, cwd: folder } as unknown as Io);
  const { options } = commands.find((command) => command.name() === 'deploy')!.commands[0]!;
  const configured = new Set(configOptions.map(({ flag }) => flag));
  const own = options
    .map(({ long }) => long!)
    .filter((flag) => !configured.has(flag) || flag === '--workers');
  expect(own.length).toBeGreaterThan(25);
  expect(own.filter((flag) => flag !== '--config' && !page.includes(`\`${flag}\``))).toEqual([]);
});
