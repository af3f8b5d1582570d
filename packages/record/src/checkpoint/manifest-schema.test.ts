/** A manifest whose hashes are right and whose content is not: no checkpoint, and a sentence. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import {
  describeModel,
  initialEarlyStopping,
  initialSchedule,
  type ModelConfig,
  type ScheduleName,
  scheduleNames,
} from '@unet-fleet/law';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { smallModel } from '../../../../test/helpers/small-model.ts';
import { realFiles } from './files.ts';
import { files, type Manifest } from './manifest.ts';
import { parseManifest } from './manifest-schema.ts';
import { DamagedCheckpoint, loadCheckpoint } from './read.ts';
import { type CheckpointContent, writeCheckpoint } from './write.ts';

const model: ModelConfig = smallModel({ inChannels: 1, baseWidth: 1, upsampling: 'bilinear' });
const { numParameters, numStatistics } = describeModel(model);

let root: string;
let path: string;
let text: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'unet-fleet-manifest-'));
  path = writeCheckpoint(root, content('plateau'), { operations: { ...realFiles, sync: () => {} } }).path;
  text = readFileSync(join(path, files.manifest), 'utf8');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function content(schedule: ScheduleName): CheckpointContent {
  const config = loadConfig({ flags: { images: 'photos', masks: 'masks', optimizer: 'sgd', schedule } });
  return {
    facts: {
      runId: 'run',
      term: 3,
      progress: {
        version: 7,
        validationPending: false,
        schedule: initialSchedule(config.train, 10),
        earlyStopping: initialEarlyStopping(config.train),
        best: { step: 5, loss: 0.5, meanIou: 0.25 },
      },
      epoch: 0,
      stepInEpoch: 7,
      config,
      model,
      classNames: ['null', 'coat'],
      identitySha256: 'a',
      dataSha256: 'b',
      engines: [
        {
          library: 'tensorflow 2',
          device: 'cpu',
          intraOpThreads: 2,
          decoder: 'sharp 1',
          settings: '',
        },
      ],
      numBatchesTracked: 28,
    },
    slotNames: ['momentum_buffer'],
    vectors: {
      parameters: new Float32Array(numParameters),
      statistics: new Float32Array(numStatistics),
      slots: [new Float32Array(numParameters)],
    },
  };
}

/** Writes a manifest as somebody would who computes the hashes, too. */
function forge(manifest: string): void {
  writeFileSync(join(path, files.manifest), manifest);
  const sums = [files.manifest, files.model, files.optimizer].map((name) => {
    const sha256 = createHash('sha256')
      .update(readFileSync(join(path, name)))
      .digest('hex');
    return `${sha256}  ${name}\n`;
  });
  writeFileSync(join(path, files.sums), sums.join(''));
}

function reasonOf(manifest: string): string {
  forge(manifest);
  try {
    loadCheckpoint(path);
  } catch (error) {
    if (error instanceof DamagedCheckpoint) return error.reason;
    throw error;
  }
  return 'good';
}

const changed = (change: (manifest: Manifest) => void): string => {
  const manifest = JSON.parse(text) as Manifest;
  change(manifest);
  return JSON.stringify(manifest);
};

test.each(scheduleNames)('a manifest with the schedule %s reads as it was written', (schedule) => {
  const { facts } = content(schedule);
  const folder = join(root, schedule);
  const { path: written } = writeCheckpoint(folder, content(schedule), {
    operations: { ...realFiles, sync: () => {} },
  });
  expect(loadCheckpoint(written).manifest).toMatchObject({ ...facts, slots: ['momentum_buffer'], step: 7 });
});

test('options that a version before did not have are at what changes nothing', () => {
  const older = JSON.parse(text);
  delete older.config.run.onCheckpointFailure;
  delete older.config.data.maskValues;
  const { config } = parseManifest(Buffer.from(JSON.stringify(older)));
  expect(config.run.onCheckpointFailure).toBe('continue');
  // Not the default of a new run: its masks were read as they are.
  expect(config.data.maskValues).toBe('as-is');
});

test.each<[string, () => string, RegExp]>([
  ['no JSON', () => '{', /^manifest.json is no JSON$/],
  ['no UTF-8', () => `"\u{d800}"`, /makes no sense at its top/],
  ['nothing', () => 'null', /^manifest.json makes no sense at its top: /],
  ['a list', () => '[]', /makes no sense at its top/],
  [
    'a later format',
    () => changed((m) => Object.assign(m, { formatVersion: 2 })),
    /^it has format 2, and this version of unet-fleet reads format 1$/,
  ],
  ['no format', () => changed((m) => Object.assign(m, { formatVersion: 'x' })), /at formatVersion/],
  ['two steps', () => changed((m) => Object.assign(m, { step: 8 })), /at step: two steps/],
  ['a negative step', () => changed((m) => Object.assign(m, { stepInEpoch: -1 })), /at stepInEpoch/],
  [
    'a schedule that there is none of',
    () => changed((m) => Object.assign(m.progress.schedule, { name: 'x' })),
    /at progress.schedule.name/,
  ],
  [
    'a model of no width',
    () => changed((m) => Object.assign(m.model, { baseWidth: 0 })),
    /at model.baseWidth/,
  ],
  [
    'a model that would need gigabytes',
    () => changed((m) => Object.assign(m.model, { baseWidth: 512 })),
    /^tensor .* is F32 \[.*\], not F32 \[.*\]$/,
  ],
  [
    'no data options',
    () => changed((m) => Object.assign(m.config, { data: 3 })),
    /at config.data: is missing/,
  ],
  [
    'an option that is not allowed',
    () => changed((m) => Object.assign(m.config.train, { epochs: 'many' })),
    /at config.train.epochs: /,
  ],
  [
    'a file of another size',
    () => changed((m) => Object.assign(m.files[files.model], { sizeBytes: 2 ** 50 })),
    /^model.safetensors has \d+ bytes, not 1125899906842624$/,
  ],
  [
    'no hash',
    () => changed((m) => Object.assign(m.files[files.model], { sha256: '../x' })),
    /at files.model.safetensors.sha256/,
  ],
  ['no slots', () => changed((m) => Object.assign(m, { slots: [] })), /^it has \d+ tensors, not 0$/],
])('%s', (_, make, reason) => {
  expect(reasonOf(make())).toMatch(reason);
});

test('any value in any place: read as it is, or refused with a reason', () => {
  const places: (string | number)[][] = [];
  const walk = (value: unknown, at: (string | number)[]): void => {
    if (at.length > 0) places.push(at);
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) walk((value as Record<string, unknown>)[key], [...at, key]);
  };
  walk(JSON.parse(text), []);
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.jsonValue(), (place, value) => {
      const manifest = JSON.parse(text);
      const parent = place.slice(0, -1).reduce((inner, key) => inner[key], manifest);
      parent[place.at(-1)!] = value;
      try {
        parseManifest(Buffer.from(JSON.stringify(manifest)));
      } catch (error) {
        expect((error as Error).constructor).toBe(Error);
        expect((error as Error).message).toMatch(/^(manifest.json makes no sense at |it has format )/);
      }
    }),
    { numRuns: 500 },
  );
});
