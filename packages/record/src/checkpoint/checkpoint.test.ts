/**
 * Checkpoints survive what can happen to them: a damaged file, a full disk, kill -9. Every byte and every operation is
 * tried in test/durability.test.ts.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import {
  describeModel,
  exitCodes,
  initialEarlyStopping,
  initialSchedule,
  type ModelConfig,
  type Progress,
  UserError,
} from '@unet-fleet/law';
import { CheckpointWriter } from '@unet-fleet/record';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { smallModel } from '../../../../test/helpers/small-model.ts';
import { bytesOf, type FileOperations, realFiles } from './files.ts';
import {
  bestCheckpoint,
  bestCheckpointName,
  listCheckpoints,
  newestGoodCheckpoint,
  openCheckpoint,
  pruneCheckpoints,
} from './folder.ts';
import { type CheckpointVectors, files } from './manifest.ts';
import { type DamagedCheckpoint, loadCheckpoint } from './read.ts';
import { decodeHeader } from './safetensors.ts';
import { type CheckpointContent, removeUnfinished, weightsSha256, writeCheckpoint } from './write.ts';

const model: ModelConfig = smallModel({ inChannels: 1, numClasses: 3, baseWidth: 2 });
const { numParameters, numStatistics, parameters: specs, statistics: statisticSpecs } = describeModel(model);
const config = loadConfig({ flags: { images: 'photos', masks: 'masks' } });

let root: string;
let checkpoints: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'unet-fleet-checkpoint-'));
  checkpoints = join(root, 'checkpoints');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function vector(length: number, seed: number): Float32Array {
  const values = new Float32Array(new SharedArrayBuffer(length * 4));
  for (let i = 0; i < length; i++) values[i] = ((i * 7919 + seed * 104729) % 10007) / 1000 - 5;
  return values;
}

/** One hash for each vector: comparing arrays value by value takes the test runner a second. */
const bitsOf = ({ parameters, statistics, slots }: CheckpointVectors): string[] =>
  [parameters, statistics, ...slots].map((values) =>
    createHash('sha256').update(bytesOf(values)).digest('hex'),
  );

function content(step: number, best: Progress['best'] = null, mark = step): CheckpointContent {
  const progress: Progress = {
    version: step,
    validationPending: false,
    schedule: initialSchedule(config.train, 10),
    earlyStopping: initialEarlyStopping(config.train),
    best,
  };
  return {
    facts: {
      runId: 'run-1',
      term: 1,
      progress,
      epoch: 0,
      stepInEpoch: step,
      config,
      model,
      classNames: ['null', 'coat', 'hat'],
      identitySha256: 'a',
      dataSha256: 'b',
      engines: [],
      numBatchesTracked: 4 * step,
    },
    slotNames: ['square_avg', 'momentum_buffer'],
    vectors: {
      parameters: vector(numParameters, mark),
      statistics: vector(numStatistics, mark + 1),
      slots: [vector(numParameters, mark + 2), vector(numParameters, mark + 3)],
    },
  };
}

const bestAt = (step: number): Progress['best'] => ({ step, loss: 0.1, meanIou: 0.9 });
const pathOf = (step: number): string => join(checkpoints, `step-${String(step).padStart(8, '0')}`);

function flipByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 0x01;
  writeFileSync(path, bytes);
}

describe('what is written is read', () => {
  test('all vectors and facts, bit for bit', () => {
    const written = content(12, bestAt(12));
    const { path, weightsSha256: hash } = writeCheckpoint(checkpoints, written);
    expect(path).toBe(pathOf(12));
    const { manifest, vectors } = loadCheckpoint(path);
    expect(bitsOf(vectors)).toEqual(bitsOf(written.vectors));
    expect(manifest).toMatchObject({
      ...written.facts,
      step: 12,
      slots: written.slotNames,
      weightsSha256: hash,
    });
    expect(hash).toBe(weightsSha256(vectors.parameters, vectors.statistics));
    expect(vectors.parameters.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(readdirSync(checkpoints)).toEqual(['step-00000012']);
  });

  test('equal weights make equal files of tensors in another run', () => {
    const mine = content(3);
    const other = { ...mine, facts: { ...mine.facts, runId: 'run-2', term: 7 } };
    const folders = [mine, other].map((one, i) => writeCheckpoint(join(root, `${i}`), one).path);
    for (const name of [files.model, files.optimizer]) {
      const [a, b] = folders.map((folder) => readFileSync(join(folder, name)));
      expect(a!.equals(b!)).toBe(true);
    }
  });

  test("the model's file is milesial's state dict in PyTorch's layout", () => {
    const { facts, vectors, ...rest } = content(3);
    const { path } = writeCheckpoint(checkpoints, { facts, vectors, ...rest });
    const bytes = readFileSync(join(path, files.model));
    const { tensors, dataOffset, metadata } = decodeHeader(bytes);
    expect(metadata).toMatchObject({ format: 'pt', step: '3' });
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    expect(tensors.length).toBe(specs.length + statisticSpecs.length * 1.5);
    expect(byName.get('down1.maxpool_conv.1.double_conv.0.weight')?.shape).toEqual([4, 2, 3, 3]);
    expect(byName.get('up1.up.weight')?.shape).toEqual([32, 16, 2, 2]);

    const counter = byName.get('inc.double_conv.1.num_batches_tracked')!;
    expect(counter).toMatchObject({ dtype: 'I64', shape: [] });
    expect(bytes.readBigInt64LE(dataOffset + counter.begin)).toBe(12n);

    // Torch [o, i, h, w] is the engine's [h, w, i, o].
    const spec = specs.find(({ name }) => name === 'down1.maxpool_conv.1.double_conv.0.weight')!;
    const [o, i, h, w] = [3, 1, 2, 0];
    const torchIndex = ((o * 2 + i) * 3 + h) * 3 + w;
    const engineIndex = ((h * 3 + w) * 2 + i) * 4 + o;
    const at = dataOffset + byName.get(spec.name)!.begin + torchIndex * 4;
    expect(bytes.readFloatLE(at)).toBe(vectors.parameters[spec.offset + engineIndex]);
  });

  test('in a thread, without touching the caller; a failure comes back as its sentence', async () => {
    const writer = new CheckpointWriter({ checkpoints, keep: 2, fence: null });
    const written = await Promise.all([1, 2, 3].map((step) => writer.write(content(step))));
    expect(written.map((result) => result.written.step)).toEqual([1, 2, 3]);
    expect(listCheckpoints(checkpoints)).toEqual(['step-00000003', 'step-00000002']);
    expect(bitsOf(loadCheckpoint(written[2]!.written.path).vectors)).toEqual(bitsOf(content(3).vectors));
    await writer.close();

    writeFileSync(join(root, 'file'), '');
    const blocked = new CheckpointWriter({ checkpoints: join(root, 'file'), keep: 2, fence: null });
    const failure = await blocked.write(content(1)).catch((error) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect(failure.message).toMatch(/file is in the way of checkpoints: it is no folder/);
    await blocked.close();
  });
});

test('by a coordinator that was overtaken: nothing, not even tidying up', async () => {
  const terms = join(root, 'terms');
  mkdirSync(terms);
  writeFileSync(join(terms, 'term-000004.json'), '');
  const writer = new CheckpointWriter({ checkpoints, keep: 1, fence: { runFolder: root, term: 4 } });
  await writer.write(content(1));
  writeFileSync(join(terms, 'term-000005.json'), '');
  const unfinished = join(checkpoints, '.tmp-step-00000002-of-the-other');
  mkdirSync(unfinished);
  await expect(writer.write(content(2))).rejects.toThrow(/^another coordinator has taken over the run in/);
  expect(readdirSync(checkpoints).sort()).toEqual(['.tmp-step-00000002-of-the-other', 'step-00000001']);
  await writer.close();

  const overtaken = () => {
    throw new UserError('overtaken');
  };
  let numAsked = 0;
  const assertMayWrite = () => {
    if (++numAsked === 2) overtaken();
  };
  rmSync(unfinished, { recursive: true });
  expect(() => writeCheckpoint(checkpoints, content(3), { assertMayWrite })).toThrow('overtaken');
  expect(() => pruneCheckpoints(checkpoints, 1, null, { assertMayWrite: overtaken })).not.toThrow();
  expect(readdirSync(checkpoints)).toEqual(['step-00000001']);
});

test('what is being written goes with a process that ends at once, and only that', () => {
  removeUnfinished(join(checkpoints, 'none'));
  writeCheckpoint(checkpoints, content(1));
  mkdirSync(join(checkpoints, '.tmp-step-00000002-half'));
  removeUnfinished(checkpoints);
  expect(readdirSync(checkpoints)).toEqual(['step-00000001']);
});

test('a writer outlives failures: what a failed write left goes with the next', async () => {
  const writer = new CheckpointWriter({ checkpoints, keep: 3, fence: null });
  await writer.write(content(1));
  rmSync(checkpoints, { recursive: true });
  writeFileSync(checkpoints, '');
  await expect(writer.write(content(2))).rejects.toThrow(/is in the way of/);
  rmSync(checkpoints);
  const wasRemoved = `${checkpoints} was removed, with the checkpoints in it: it is made again`;
  expect((await writer.write(content(3))).warnings).toEqual([wasRemoved]);
  expect(readdirSync(checkpoints)).toEqual(['step-00000003']);
  const leftOver = join(checkpoints, '.tmp-left-by-a-full-disk');
  mkdirSync(leftOver);
  expect((await writer.write(content(4))).warnings).toEqual([]);
  expect(readdirSync(checkpoints).sort()).toEqual(['step-00000003', 'step-00000004']);
  await writer.close();
});

describe('damage', () => {
  const whereabouts: [string, (size: number) => number][] = [
    ['the first byte', () => 0],
    ['the middle', (size) => Math.floor(size / 2)],
    ['the last byte', (size) => size - 1],
  ];
  const cases = Object.values(files).flatMap((file) =>
    whereabouts.map(([where, at]) => ({ file, where, at })),
  );

  test.each(cases)(
    'a flipped bit in $where of $file is found, and the one before is used',
    ({ file, at }) => {
      writeCheckpoint(checkpoints, content(1));
      writeCheckpoint(checkpoints, content(2));
      const path = join(pathOf(2), file);
      flipByte(path, at(readFileSync(path).length));
      const damaged: DamagedCheckpoint[] = [];
      const { manifest } = newestGoodCheckpoint(checkpoints, { onDamaged: (d) => damaged.push(d) });
      expect(manifest.step).toBe(1);
      expect(damaged.map(({ path: where }) => where)).toEqual([pathOf(2)]);
      expect(damaged[0]!.message).toContain('step-00000002 is damaged: ');
    },
  );

  test.each(Object.values(files))('%s cut short, longer or missing', (file) => {
    writeCheckpoint(checkpoints, content(1));
    const reasons: string[] = [];
    const damages: ((path: string) => void)[] = [
      (path) => truncateSync(path, readFileSync(path).length - 1),
      (path) => truncateSync(path, 0),
      (path) => appendFileSync(path, '\n'),
      (path) => rmSync(path),
    ];
    for (const damage of damages) {
      writeCheckpoint(checkpoints, content(2));
      damage(join(pathOf(2), file));
      newestGoodCheckpoint(checkpoints, { onDamaged: (d) => reasons.push(d.reason) });
    }
    expect(reasons.length).toBe(damages.length);
    expect(reasons.at(-1)).toBe(`${file} is missing`);
  });

  test('none is good: the sentence names each with its reason', () => {
    writeCheckpoint(checkpoints, content(1));
    writeCheckpoint(checkpoints, content(2));
    rmSync(join(pathOf(1), files.model));
    flipByte(join(pathOf(2), files.optimizer), 5000);
    expect(() => newestGoodCheckpoint(checkpoints)).toThrow(
      `None of the checkpoints in ${checkpoints} can be used: step-00000002 (the SHA-256 of optimizer.safetensors differs), step-00000001 (model.safetensors is missing); restore one from a copy, or start the run anew.`,
    );
  });
});

describe('what a person names', () => {
  test('a missing folder, an empty one, a file', () => {
    expect(() => newestGoodCheckpoint(checkpoints)).toThrow(
      `There is no folder ${checkpoints}: name the folder of a run that has trained`,
    );
    mkdirSync(checkpoints);
    expect(() => newestGoodCheckpoint(checkpoints)).toThrow(`There is no checkpoint in ${checkpoints}`);
    writeFileSync(join(root, 'file'), '');
    expect(() => openCheckpoint(join(root, 'file'), 'best')).toThrow(/is a file/);
    expect(() => openCheckpoint(pathOf(5), 'best')).toThrow(`There is no checkpoint ${pathOf(5)}`);
  });

  test('a run, its checkpoints folder, or one checkpoint', () => {
    writeCheckpoint(checkpoints, content(1, bestAt(1)));
    writeCheckpoint(checkpoints, content(2, bestAt(1)));
    const step = (path: string, which: 'best' | 'newest') => openCheckpoint(path, which).manifest.step;
    expect([step(root, 'best'), step(root, 'newest')]).toEqual([1, 2]);
    expect([step(checkpoints, 'best'), step(checkpoints, 'newest')]).toEqual([1, 2]);
    expect(step(pathOf(2), 'best')).toBe(2);
    flipByte(join(pathOf(2), files.model), 9);
    expect(() => openCheckpoint(pathOf(2), 'newest')).toThrow(
      /step-00000002 is damaged \(the SHA-256 of model.safetensors differs\): name another/,
    );
  });

  test('the best one is damaged: the newest good one is used, and the damage told', () => {
    writeCheckpoint(checkpoints, content(1, bestAt(1)));
    writeCheckpoint(checkpoints, content(2, bestAt(1)));
    flipByte(join(pathOf(1), files.model), 9);
    const damaged: string[] = [];
    const { manifest } = bestCheckpoint(checkpoints, { onDamaged: ({ path }) => damaged.push(path) });
    expect(manifest.step).toBe(2);
    expect(damaged).toEqual([pathOf(1)]);
  });
});

describe('pruning', () => {
  const write = (steps: number[], best: number): void => {
    for (const step of steps) writeCheckpoint(checkpoints, content(step, bestAt(best)));
  };

  test('keeps the newest and the best', () => {
    write([1, 2, 3, 4, 5], 2);
    expect(pruneCheckpoints(checkpoints, 2)).toEqual(['step-00000003', 'step-00000001']);
    expect(bestCheckpointName(checkpoints)).toBe('step-00000002');
    expect(listCheckpoints(checkpoints)).toEqual(['step-00000005', 'step-00000004', 'step-00000002']);
  });

  test('never removes the last good one', () => {
    write([1, 2, 3, 4], 4);
    flipByte(join(pathOf(4), files.model), 100);
    flipByte(join(pathOf(3), files.optimizer), 100);
    expect(pruneCheckpoints(checkpoints, 1)).toEqual(['step-00000003', 'step-00000001']);
    expect(newestGoodCheckpoint(checkpoints).manifest.step).toBe(2);
  });
});

describe('failures while writing', () => {
  /** Real operations of which the n-th fails. */
  function failing(failAt: number, error: Error): FileOperations {
    let count = 0;
    const wrap =
      <A extends unknown[], R>(operation: (...args: A) => R) =>
      (...args: A): R => {
        if (++count === failAt) throw error;
        return operation(...args);
      };
    return {
      open: wrap(realFiles.open),
      write: wrap(realFiles.write),
      sync: wrap(realFiles.sync),
      close: wrap(realFiles.close),
      makeFolder: wrap(realFiles.makeFolder),
      rename: wrap(realFiles.rename),
      remove: wrap(realFiles.remove),
      exists: wrap(realFiles.exists),
      list: realFiles.list,
    };
  }

  const sentences: [string, RegExp, number][] = [
    [
      'ENOSPC',
      /checkpoints can't be used for checkpoint step-00000002: no space is left on its disk \(ENOSPC\); free some$/,
      exitCodes.unavailable,
    ],
    ['EDQUOT', /quota is used up/, exitCodes.unavailable],
    [
      'EACCES',
      /checkpoints can't be used for checkpoint step-00000002: there is no permission/,
      exitCodes.usage,
    ],
    ['EROFS', /read-only/, exitCodes.usage],
    ['EIO', /input\/output error/, exitCodes.unavailable],
  ];

  test.each(sentences)(
    '%s: one sentence, nothing left over, the old one stays',
    (code, sentence, exitCode) => {
      writeCheckpoint(checkpoints, content(1));
      for (const failAt of [40, 150]) {
        const error = Object.assign(new Error(code), { code });
        const operations = failing(failAt, error);
        try {
          writeCheckpoint(checkpoints, content(2), { operations });
          expect.unreachable();
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(UserError);
          expect((thrown as UserError).message).toMatch(sentence);
          expect((thrown as UserError).exitCode).toBe(exitCode);
        }
        expect(readdirSync(checkpoints)).toEqual(['step-00000001']);
      }
    },
  );

  test('kill -9 in the middle of a write: the checkpoint before is whole, and the next start tidies up', async () => {
    const parameters = JSON.stringify({ checkpoints, content: { ...content(1), vectors: null } });
    const code = `
      import { writeCheckpoint } from ${JSON.stringify(new URL('../../dist/checkpoint/write.js', import.meta.url).href)};
      import { realFiles } from ${JSON.stringify(new URL('../../dist/checkpoint/files.js', import.meta.url).href)};
      const { checkpoints, content } = JSON.parse(process.argv[1]);
      const fill = (length, value) => new Float32Array(length).fill(value);
      for (let step = 1; step <= 2; step++) {
        content.facts.progress.version = step;
        content.vectors = {
          parameters: fill(${numParameters}, step), statistics: fill(${numStatistics}, step),
          slots: [fill(${numParameters}, step), fill(${numParameters}, step)],
        };
        let numWrites = 0;
        const write = (file, bytes) => {
          if (step === 2 && ++numWrites === 170) process.kill(process.pid, 'SIGKILL');
          return realFiles.write(file, bytes);
        };
        writeCheckpoint(checkpoints, content, { operations: { ...realFiles, write } });
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code, parameters], {
      stdio: 'inherit',
    });
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGKILL');
    expect(readdirSync(checkpoints).length).toBe(2);
    const { manifest, vectors } = newestGoodCheckpoint(checkpoints, { onDamaged: expect.unreachable });
    expect(manifest.step).toBe(1);
    expect(vectors.slots[1]!.every((value) => value === 1)).toBe(true);

    const writer = new CheckpointWriter({ checkpoints, keep: 3, fence: null });
    await writer.write(content(2));
    await writer.close();
    expect(readdirSync(checkpoints).sort()).toEqual(['step-00000001', 'step-00000002']);
  });
});
