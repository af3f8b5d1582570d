import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configOptions, exitCodes, UserError } from '@unet-fleet/law';
import { afterAll, expect, test } from 'vitest';
import { readConfigFile } from './file.ts';
import { type ConfigSources, loadConfig } from './load.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const fileOf = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).exitCode).toBe(exitCodes.usage);
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
};

const refused = (sources: ConfigSources) => messageOf(() => loadConfig(sources));
const file = (values: unknown) => ({ name: 'recipe.yaml', values });

test('without any source the classic recipe', () => {
  const config = loadConfig({});
  expect(config.train).toMatchObject({
    epochs: 5,
    batchSize: 1,
    optimizer: 'rmsprop',
    learningRate: 0.001,
    weightDecay: 1e-8,
    momentum: 0.9,
    clip: 'value',
    clipLimit: 0.1,
    schedule: 'plateau',
    plateauPatience: 2,
  });
  expect(config.data.validationShare).toBe(0.1);
});

test('flags win over environment over files over defaults', () => {
  const flags = { epochs: '4' };
  const env = { UNET_FLEET_EPOCHS: '3', UNET_FLEET_BATCH_SIZE: '3' };
  const files = [
    file({ train: { epochs: 1, batchSize: 1, seed: 1, leafSize: 1 } }),
    file({ train: { epochs: 2, batchSize: 2, seed: 2 } }),
  ];
  expect(loadConfig({ flags, env, files }).train).toMatchObject({
    epochs: 4,
    batchSize: 3,
    seed: 2,
    leafSize: 1,
    learningRate: 0.001,
  });
});

test('text of flags and variables becomes the type of the option', () => {
  const config = loadConfig({
    flags: { allowMixedEngines: true, learningRate: '1e-4', images: '007', channels: '1', ignoreIndex: '-1' },
    env: { UNET_FLEET_NATS_PASSWORD: '0123', UNET_FLEET_NATS_USER: 'u', UNET_FLEET_NATS_URL: 'nats://h:1' },
  });
  expect(config.engine.allowMixedEngines).toBe(true);
  expect(config.train.learningRate).toBe(1e-4);
  expect(config.data).toMatchObject({ images: '007', channels: 1, ignoreIndex: -1 });
  const ignoring = (ignoreIndex: unknown) => loadConfig({ flags: { ignoreIndex } }).data.ignoreIndex;
  expect([ignoring('255'), ignoring('-1,255'), ignoring('0,250..255')]).toEqual([
    255,
    '-1,255',
    '0,250..255',
  ]);
  expect(() => ignoring('0,x')).toThrow(
    '--ignore-index 0,x is not allowed: it must be a whole number from -2147483647 to 2147483647, or several, such as 0,255',
  );
  const file = { name: 'a.yaml', values: { data: { ignoreIndex: [0, 255] } } };
  expect(loadConfig({ files: [file] }).data.ignoreIndex).toBe('0,255');
  expect(config.broker.natsPassword).toBe('0123');
  expect(loadConfig({ env: { UNET_FLEET_ALLOW_MIXED_ENGINES: 'FALSE' } }).engine.allowMixedEngines).toBe(
    false,
  );
});

test('an empty variable counts as not set', () => {
  expect(loadConfig({ env: { UNET_FLEET_EPOCHS: '' } }).train.epochs).toBe(5);
});

test('reads YAML and JSON files', () => {
  const yaml = fileOf(
    'a.yaml',
    '# mine\ntrain:\n  batchSize: 8\n  classWeights: [1, 2.5]\ndata: { size: 64x32 }\n',
  );
  const json = fileOf('b.json', '{"train": {"epochs": 9}}');
  const config = loadConfig({ files: [readConfigFile(yaml), readConfigFile(json)] });
  expect(config.train).toMatchObject({ batchSize: 8, epochs: 9, classWeights: '1,2.5' });
  expect(config.data.size).toBe('64x32');
  expect(loadConfig({ files: [readConfigFile(fileOf('empty.yaml', ''))] })).toEqual(loadConfig({}));
});

test('a file that is missing, a folder, or no YAML is named', () => {
  const missing = join(folder, 'none.yaml');
  expect(messageOf(() => readConfigFile(missing))).toBe(
    `there is no config file ${missing}: check the path given to --config`,
  );
  expect(messageOf(() => readConfigFile(folder))).toBe(
    `${folder} is a folder: --config takes a JSON or YAML file`,
  );
  const broken = fileOf('broken.json', '{"train": {\n  "epochs": 3,,\n}}');
  expect(messageOf(() => readConfigFile(broken))).toMatch(
    /broken\.json is neither JSON nor YAML, see line 2: /,
  );
  expect(refused({ files: [file(['a'])] })).toBe(
    'config file recipe.yaml holds no groups of options: begin with one such as "train:"',
  );
});

test.each<[ConfigSources, string]>([
  [{ flags: { bachSize: '8' } }, 'unknown option --bach-size; did you mean --batch-size?'],
  [{ flags: { zzzzzzzzzz: '8' } }, 'unknown option --zzzzzzzzzz; --help lists them'],
  [
    { env: { UNET_FLEET_BATCHSIZE: '8' } },
    'unknown environment variable UNET_FLEET_BATCHSIZE; did you mean UNET_FLEET_BATCH_SIZE?',
  ],
  [
    { files: [file({ train: { bachSize: 8 } })] },
    'unknown key train.bachSize in recipe.yaml; did you mean train.batchSize?',
  ],
  [
    { files: [file({ batchSize: 8 })] },
    'unknown key batchSize in recipe.yaml; did you mean train.batchSize?',
  ],
  [
    { files: [file({ model: { batchSize: 8 } })] },
    'unknown key model.batchSize in recipe.yaml; did you mean train.batchSize?',
  ],
  [{ files: [file({ trian: { epochs: 8 } })] }, 'unknown key trian in recipe.yaml; did you mean train?'],
  [{ files: [file(JSON.parse('{"__proto__": {"a": 1}}'))] }, 'unknown key __proto__ in recipe.yaml; '],
])('what is unknown is named with the nearest right one: %j', (sources, message) => {
  expect(refused(sources)).toContain(message);
});

test('a variable of Kubernetes for a service of this name is no mistake', () => {
  expect(() => loadConfig({ env: { UNET_FLEET_PORT: 'tcp://10.0.0.1:80' } })).not.toThrow();
});

test.each<[ConfigSources, string]>([
  [
    { flags: { batchSize: '8x' } },
    '--batch-size 8x is not allowed: it must be a whole number from 1 to 65536',
  ],
  [{ flags: { batchSize: '' } }, "--batch-size '' is not allowed: it must be a whole number from 1 to 65536"],
  [
    { env: { UNET_FLEET_EPOCHS: '2.5' } },
    'UNET_FLEET_EPOCHS=2.5 is not allowed: it must be a whole number from 1',
  ],
  [
    { flags: { learningRate: '0' } },
    '--learning-rate 0 is not allowed: it must be a number above 0 and at most 100',
  ],
  [
    { flags: { momentum: '1' } },
    '--momentum 1 is not allowed: it must be a number of at least 0 and below 1',
  ],
  [{ flags: { learningRate: 'Infinity' } }, '--learning-rate Infinity is not allowed'],
  [
    { files: [file({ train: { clip: 'nrom' } })] },
    'train.clip: "nrom" in recipe.yaml is not allowed: it must be value, norm or none',
  ],
  [{ files: [file({ train: { epochs: null } })] }, 'train.epochs: null in recipe.yaml is not allowed'],
  [{ files: [file({ train: { epochs: { a: 1 } } })] }, 'train.epochs: {"a":1} in recipe.yaml is not allowed'],
  [{ files: [file({ train: 3 })] }, 'train in recipe.yaml is a group of options, not 3: write them below it'],
  [
    { files: [file({ broker: { natsPassword: 123 } })] },
    'broker.natsPassword in recipe.yaml is not allowed: it must be text (in quotes, in a config file)',
  ],
  [{ flags: { channels: '2' } }, '--channels 2 is not allowed: it must be 1, 3 or 4'],
  [
    { flags: { allowMixedEngines: 'maybe' } },
    '--allow-mixed-engines maybe is not allowed: it must be true or false',
  ],
  [{ flags: { size: '128' } }, '--size 128 is not allowed: it must be WIDTHxHEIGHT, each from 1 to 16384'],
  [{ flags: { size: '0x16' } }, '--size 0x16 is not allowed'],
  [{ flags: { natsUrl: 'http://h' } }, '--nats-url http://h is not allowed: it must be nats://host:port'],
  [
    { flags: { classWeights: '1,,2' } },
    '--class-weights 1,,2 is not allowed: it must be balanced, or one number',
  ],
  [
    { flags: { validationShare: '0' } },
    '--validation-share 0 is not allowed: it must be a number above 0 and below 1',
  ],
  [{ flags: { validationShare: '1' } }, 'training and validation both need photos; 0.1 keeps every tenth'],
])('a wrong value is named with what is allowed: %j', (sources, message) => {
  expect(refused(sources)).toContain(message);
});

test('a password is never shown', () => {
  expect(refused({ flags: { natsPassword: 'hunter2' } })).not.toContain('hunter2');
});

test.each<[Record<string, string>, string]>([
  [
    { leafSize: '3', batchSize: '2' },
    '--leaf-size 3 is larger than --batch-size 2: a leaf is a part of the batch',
  ],
  [{ onNonFinite: 'retry-float32' }, '--on-non-finite retry-float32 is for --precision bf16'],
  [{ size: '64x64', scale: '0.5' }, '--size 64x64 and --scale 0.5 are both given'],
  [{ numClasses: '1' }, '--num-classes 1 leaves nothing to tell apart'],
  [
    { numClasses: '3', classWeights: '1,2' },
    '--class-weights gives 2 weights for --num-classes 3: give one per class',
  ],
  [{ schedule: 'cosine', finalLearningRate: '1' }, '--final-learning-rate 1 is above --learning-rate 0.001'],
  [
    { schedule: 'cosine', plateauPatience: '3' },
    '--plateau-patience has no effect with --schedule cosine: leave it out, or choose --schedule plateau',
  ],
  [
    { warmupSteps: '10' },
    '--warmup-steps has no effect with --schedule plateau: leave it out, or choose --schedule cosine',
  ],
  [{ optimizer: 'sgd', alpha: '0.5' }, '--alpha has no effect with --optimizer sgd'],
  [{ clip: 'none', clipLimit: '1' }, '--clip-limit has no effect with --clip none'],
  [{ natsPassword: 'p' }, '--nats-password is given without --nats-user: give both, or neither'],
  [{ natsUser: 'u' }, '--nats-user is given without --nats-url'],
  [{ natsUrl: 'nats://h:1', natsPort: '4222' }, '--nats-port 4222 is for the embedded server'],
])('options that contradict each other are named: %j', (flags, message) => {
  expect(refused({ flags })).toContain(message);
});

test('a file that holds every option, as the one in a run folder, loads as it was', () => {
  const config = loadConfig({ flags: { size: '64x48', optimizer: 'sgd', schedule: 'step', clip: 'none' } });
  expect(loadConfig({ files: [file(structuredClone(config))] })).toEqual(config);
});

test('each option has help, a flag and a variable of its own, and a default that is allowed', () => {
  for (const values of [configOptions.map(({ flag }) => flag), configOptions.map(({ env }) => env)]) {
    expect(new Set(values).size).toBe(configOptions.length);
  }
  for (const option of configOptions) expect(option.doc.length).toBeGreaterThan(5);
  expect(configOptions.find(({ path }) => path === 'train.batchSize')).toMatchObject({
    flag: '--batch-size',
    env: 'UNET_FLEET_BATCH_SIZE',
  });
  expect(configOptions.find(({ path }) => path === 'train.beta1')?.flag).toBe('--beta1');
});

test.each([
  ['a billion values in 300 bytes', aliasBomb(), /uses aliases \(\*name\), which are not read/],
  ['a list that holds itself', 'train: &a [*a]', /uses aliases/],
  ['a name that there is none of', 'train: *b', /uses aliases/],
  ['open brackets', '['.repeat(100_000), /nested more deeply/],
  ['open braces', '{a: '.repeat(50_000), /nested more deeply/],
  ['lists in lists', `train: ${'- '.repeat(50_000)}`, /nested more deeply/],
  [
    'thousands of keys',
    `train:\n${Array.from({ length: 9000 }, (_, i) => `  a${i}: 1\n`).join('')}`,
    /more entries/,
  ],
  ['thousands of faults', `{"train": ${','.repeat(60_000)}}`, /more entries/],
  [
    'a list of lists as weights',
    'train:\n  classWeights: [1, {a: 2}]',
    /classWeights: \[1,\{"a":2\}\] in .* must be balanced, or one/,
  ],
  ['a film', 'x'.repeat(300_000), /has more than the 262144 bytes/],
  [
    'a key that a terminal obeys',
    'train:\n  "\\e]0;owned\\a": 1',
    /unknown key train\.\\u001b\]0;owned\\u0007 in/,
  ],
  ['a value that a terminal obeys', 'train:\n  optimizer: "\\e[2J"', /optimizer: "\\u001b\[2J" in/],
])('a config file with %s is refused in time', (_, text, sentence) => {
  const path = fileOf('hostile.yaml', text);
  expect(messageOf(() => loadConfig({ files: [readConfigFile(path)] }))).toMatch(sentence);
});

/** Ten levels, each nine times the one before. */
function aliasBomb(): string {
  const items = (level: number) =>
    level === 0
      ? 'x'
      : Array(9)
          .fill(`*a${level - 1}`)
          .join(', ');
  return Array.from({ length: 10 }, (_, level) => `a${level}: &a${level} [${items(level)}]`).join('\n');
}

test('long names and values are cut in messages', () => {
  const long = 'x'.repeat(100_000);
  for (const flags of [{ [long]: '1' }, { batchSize: long }, { natsUrl: `${long} ` }]) {
    expect(refused({ flags }).length).toBeLessThan(500);
  }
});
