/** Config files in YAML and JSON, flags and environment variables. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfigFile } from '@unet-fleet/config';
import { loadConfig } from '@unet-fleet/config/load';
import { UserError } from '@unet-fleet/law';
import type { Reader } from '../reader.ts';
import { textSeed } from './files.ts';

const isAnswer = (error: unknown) => error instanceof UserError;
const yaml = `# a run
data:
  images: photos
  masks: masks
  size: 96x128
train:
  epochs: 3
  batchSize: 4
  learningRate: 1e-3
  classWeights: [1, 2.5, 0]
run:
  leaseSeconds: 10
`;
const json = '{"data": {"images": "photos", "masks": "masks"}, "train": {"epochs": 3, "schedule": "cosine"}}';
const flags = `images=photos
masks=masks
batchSize=8
learningRate=0.001
size=96x128
classWeights=balanced
natsUrl=nats://127.0.0.1:4222
UNET_FLEET_EPOCHS=4
UNET_FLEET_NATS_USER=fleet
UNET_FLEET_NATS_PASSWORD=secret
`;

/** Nine levels of nine: a billion values from 300 bytes. */
const aliases = Array.from({ length: 10 }, (_, i) => {
  const items =
    i === 0
      ? 'x'
      : Array(9)
          .fill(`*a${i - 1}`)
          .join(', ');
  return `a${i}: &a${i} [${items}]`;
}).join('\n');

export const configReaders: Reader[] = [
  {
    name: 'config',
    weight: 0.3,
    seeds: () => [textSeed('a.yaml', yaml), textSeed('a.json', json)],
    hostile: () => [
      textSeed('aliases.yaml', aliases),
      textSeed('alias-group.yaml', aliases.replace('a9:', 'train:')),
      textSeed('self.yaml', 'train: &a\n  epochs: *a\n'),
      textSeed('self-list.yaml', 'train: &a [*a]\n'),
      textSeed('self-root.yaml', '&a [*a]\n'),
      textSeed('unknown-alias.yaml', 'train: *b\n'),
      textSeed('nested.yaml', '['.repeat(100_000)),
      textSeed('nested-maps.yaml', `${'{a: '.repeat(50_000)}1${'}'.repeat(50_000)}`),
      textSeed('indented.yaml', Array.from({ length: 600 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')),
      textSeed('dashes.yaml', `train: ${'- '.repeat(50_000)}`),
      textSeed('nested.json', `{"train": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`),
      textSeed(
        'nested-weights.json',
        `{"train": {"classWeights": ${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
      ),
      textSeed('proto.json', '{"__proto__": {"epochs": 1}, "train": {"__proto__": 1, "constructor": 2}}'),
      textSeed('group-proto.json', '{"constructor": {"prototype": 1}, "toString": {"a": 1}}'),
      textSeed('escape.yaml', 'train:\n  "\\u001b]0;owned\\u0007": 1\n'),
      textSeed('tags.yaml', 'train: !!js/function "x"\n'),
      textSeed('control.yaml', 'train:\n  precision: "\\u001b[2J"\n'),
      textSeed('long-key.yaml', `train:\n  ${'a'.repeat(900)}: 1\n`),
      textSeed('very-long-key.json', `{"train": {"${'a'.repeat(200_000)}": 1}}`),
      textSeed(
        'many-keys.json',
        `{"train": {${Array.from({ length: 20_000 }, (_, i) => `"a${i}": 1`).join()}}}`,
      ),
      textSeed('comments.yaml', '# a\n'.repeat(50_000)),
      textSeed('duplicates.json', `{"train": {"epochs": 1, ${'"epochs": 2,'.repeat(10_000)} "epochs": 3}}`),
    ],
    read: (input, { name }, folder) => {
      const path = join(folder, 'work', name);
      writeFileSync(path, input);
      loadConfig({ files: [readConfigFile(path)] });
    },
    isAnswer,
  },
  {
    name: 'flags',
    weight: 0.5,
    seeds: () => [textSeed('flags', flags)],
    hostile: () => [
      textSeed('proto', '__proto__=1\nconstructor=2\ntoString=3\n'),
      textSeed('long', `${'a'.repeat(100_000)}=1\n`),
      textSeed('long-value', `batchSize=${'9'.repeat(100_000)}\n`),
      textSeed('weights', `classWeights=${'1,'.repeat(100_000)}\n`),
      textSeed('url', `natsUrl=nats://${'a:'.repeat(50_000)}\n`),
      textSeed('variables', Array.from({ length: 2_000 }, (_, i) => `UNET_FLEET_${i}=1`).join('\n')),
      textSeed('escape', 'precision=\u001b[2J\n'),
    ],
    read: (input) => {
      const given = Buffer.from(input)
        .toString()
        .split('\n')
        .map((line) => [line.split('=')[0]!, line.slice(line.indexOf('=') + 1)] as const)
        .filter(([name]) => name !== '');
      const isVariable = ([name]: readonly [string, string]) => name.startsWith('UNET_FLEET_');
      loadConfig({
        flags: Object.fromEntries(given.filter((entry) => !isVariable(entry))),
        env: Object.fromEntries(given.filter(isVariable)),
      });
    },
    isAnswer,
  },
];
