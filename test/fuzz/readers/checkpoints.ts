/** Checkpoints: each of the four files damaged, and each changed with the hashes put right. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import {
  describeModel,
  initialEarlyStopping,
  initialSchedule,
  type ModelConfig,
  UserError,
} from '@unet-fleet/law';
import {
  bestCheckpoint,
  bestCheckpointName,
  DamagedCheckpoint,
  loadCheckpoint,
  writeCheckpoint,
} from '@unet-fleet/record';
import { decodeHeader, encodeHeader } from '@unet-fleet/record/checkpoint/safetensors';
import { smallModel } from '../../helpers/small-model.ts';
import type { Reader, Seed } from '../reader.ts';

const model: ModelConfig = smallModel({ inChannels: 1, baseWidth: 1 });
const names = ['manifest.json', 'model.safetensors', 'optimizer.safetensors', 'SHA256SUMS'] as const;
type Name = (typeof names)[number];
type Files = Record<Name, Buffer>;

function writeGood(folder: string): Files {
  const config = loadConfig({ flags: { images: 'photos', masks: 'masks' } });
  const { numParameters, numStatistics } = describeModel(model);
  const values = (length: number) => Float32Array.from({ length }, (_, i) => (i % 17) / 16);
  const written = writeCheckpoint(join(folder, 'good'), {
    facts: {
      runId: 'run-1',
      term: 1,
      progress: {
        version: 3,
        validationPending: false,
        schedule: initialSchedule(config.train, 10),
        earlyStopping: initialEarlyStopping(config.train),
        best: { step: 3, loss: 0.5, meanIou: 0.25 },
      },
      epoch: 0,
      stepInEpoch: 3,
      config,
      model,
      classNames: ['null', 'coat'],
      identitySha256: 'a'.repeat(64),
      dataSha256: 'b'.repeat(64),
      engines: [],
      numBatchesTracked: 12,
    },
    slotNames: ['square_avg'],
    vectors: {
      parameters: values(numParameters),
      statistics: values(numStatistics),
      slots: [values(numParameters)],
    },
  });
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(written.path, name))])) as Files;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The other files with the hashes of a changed one: a checkpoint that somebody made so. */
function withHashes(files: Files, name: Name): Files {
  const manifest = JSON.parse(files['manifest.json'].toString());
  if (name !== 'manifest.json') {
    manifest.files[name] = { sizeBytes: files[name].length, sha256: sha256(files[name]) };
    files['manifest.json'] = Buffer.from(JSON.stringify(manifest));
  }
  const hashes = names.slice(0, 3).map((file) => `${sha256(files[file])}  ${file}\n`);
  return { ...files, SHA256SUMS: Buffer.from(hashes.join('')) };
}

let good: Files | null = null;
const goodFiles = (folder: string): Files => {
  good ??= writeGood(folder);
  return good;
};

function seeds(folder: string): Seed[] {
  const files = goodFiles(folder);
  return names.flatMap((name): Seed[] => {
    const kind = name.endsWith('safetensors') ? 'bytes' : 'text';
    const damaged: Seed = { name: `damaged/${name}`, bytes: files[name], kind };
    return name === 'SHA256SUMS' ? [damaged] : [damaged, { ...damaged, name: `made/${name}` }];
  });
}

function read(input: Uint8Array, seed: Seed, folder: string): void {
  const [how, name] = seed.name.split('/') as [string, Name];
  const checkpoints = join(folder, 'work', 'checkpoints');
  const path = join(checkpoints, 'step-00000003');
  rmSync(checkpoints, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  const changed: Files = { ...goodFiles(folder), [name]: Buffer.from(input) };
  const files = how === 'made' ? withHashesOrNot(changed, name) : changed;
  for (const file of names) writeFileSync(join(path, file), files[file]);
  const isSame = Buffer.from(input).equals(goodFiles(folder)[name]);
  bestCheckpointName(checkpoints);
  const { manifest, vectors } = loadCheckpoint(path);
  if (how === 'damaged' && !isSame) throw new Error(`damage to ${name} goes unnoticed`);
  const { numParameters } = describeModel(manifest.model);
  if (vectors.parameters.length !== numParameters) throw new Error('vectors of another size');
  bestCheckpoint(checkpoints);
}

/** A manifest that is no JSON has no hashes to put right, but those of the files around it. */
function withHashesOrNot(files: Files, name: Name): Files {
  try {
    return withHashes(files, name);
  } catch {
    return files;
  }
}

const tensors = [
  { name: 'a.num_batches_tracked', dtype: 'I64' as const, shape: [] },
  { name: 'a.weight', dtype: 'F32' as const, shape: [2, 3] },
];

function safetensors(): Buffer {
  return Buffer.concat([encodeHeader(tensors, { format: 'pt' }), Buffer.alloc(8 + 24)]);
}

/** A header of this text, with its length put right. */
function withHeader(text: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([length, Buffer.from(text), Buffer.alloc(32)]);
}

export const checkpointReaders: Reader[] = [
  {
    name: 'safetensors',
    weight: 1,
    seeds: () => [
      { name: 'a.safetensors', bytes: safetensors() },
      {
        name: 'header',
        kind: 'text',
        bytes: safetensors().subarray(8, -32),
        wrap: (changed) => withHeader(changed.toString()),
      },
    ],
    hostile: () =>
      [
        `{"a": ${'['.repeat(100_000)}`,
        `{"a": {"dtype": "F32", "shape": [${'1,'.repeat(100_000)}8], "data_offsets": [0, 32]}}`,
        '{"a": {"dtype": "F32", "shape": [9007199254740991, 9007199254740991, 0], "data_offsets": [0, 0]}}',
        '{"__proto__": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}}',
        '{"\\u001b[2J": {"dtype": "\\u001b[2J", "shape": [8], "data_offsets": [0, 32]}}',
        `{"${'a'.repeat(200_000)}": {"dtype": "F64"}}`,
      ].map((text, i) => ({ name: `hostile-${i}`, bytes: withHeader(text) })),
    read: (input) => {
      const { tensors: found, dataOffset } = decodeHeader(input);
      const sizes = found.reduce((sum, { begin, end }) => sum + end - begin, dataOffset);
      if (sizes !== input.length) throw new TypeError(`${sizes} of ${input.length} bytes are covered`);
    },
    isAnswer: (error) => error instanceof Error && error.constructor === Error,
  },
  {
    name: 'checkpoint',
    weight: 0.2,
    seeds,
    read,
    isAnswer: (error) => error instanceof DamagedCheckpoint || error instanceof UserError,
  },
];
