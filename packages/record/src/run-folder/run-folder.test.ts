import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import { type Config, UserError } from '@unet-fleet/law';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { smallModel } from '../../../../test/helpers/small-model.ts';
import {
  assertSameRun,
  createRunFolder,
  identitySha256,
  openRunFolder,
  type RunFolder,
  runPaths,
} from './run-folder.ts';

let root: string;
beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'unet-fleet-run-')), 'run');
});
afterEach(() => rmSync(join(root, '..'), { recursive: true, force: true }));

const configWith = (flags: object): Config =>
  loadConfig({ flags: { images: 'photos', masks: 'masks', ...flags } });

function someRun(): RunFolder {
  const config = configWith({});
  return {
    config,
    record: {
      formatVersion: 1,
      runId: 'run-1',
      createdAt: '2026-01-01T00:00:00.000Z',
      identitySha256: identitySha256(config),
      dataSha256: 'data',
      engineThreads: 2,
      model: smallModel({ numClasses: 7, baseWidth: 64 }),
      classNames: [],
      versions: { 'unet-fleet': '0.1.0' },
    },
    split: { train: ['a', 'b'], validation: ['c'] },
  };
}

/** The sentence of the UserError that `act` throws. */
function sentenceOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message;
  }
  return expect.unreachable();
}

describe('a run folder', () => {
  test('is read as it was made, and not made twice once it has a checkpoint', () => {
    const run = someRun();
    createRunFolder(root, run);
    expect(openRunFolder(root)).toEqual(run);
    createRunFolder(root, run);
    mkdirSync(join(runPaths(root).checkpoints, 'step-00000001'));
    expect(sentenceOf(() => createRunFolder(root, run))).toBe(
      `${root} holds a run already: continue it with --resume, or choose another folder with --run-dir.`,
    );
  });

  test.each([
    ['run.json', 'null', /run\.json is damaged \(at its top: .*\): restore it/],
    ['run.json', '{"formatVersion": 1}', /run\.json is damaged \(at runId: /],
    ['run.json', '{"formatVersion": 7, "versions": null}', /has format 7, which .* made the run \(unknown\)/],
    ['split.json', '[]', /split\.json is damaged/],
    ['split.json', '{"train": ["a"], "validation": [1]}', /split\.json is damaged \(at validation\.0: /],
    ['config.json', '{"data": null}', /config\.json is damaged \(at data: is missing\)/],
    ['config.json', '['.repeat(100_000), /config\.json is damaged: restore it/],
  ])('is refused with %s of %.40s', (name, text, sentence) => {
    createRunFolder(root, someRun());
    writeFileSync(join(root, name), text);
    expect(sentenceOf(() => openRunFolder(root))).toMatch(sentence);
  });

  test('of a version with fewer options has the defaults of the others', () => {
    const run = someRun();
    createRunFolder(root, run);
    const {
      data,
      train: { clip: _, ...train },
      ...rest
    } = run.config;
    writeFileSync(runPaths(root).config, JSON.stringify({ data, train, ...rest }));
    expect(openRunFolder(root).config).toEqual(run.config);
  });

  test('is missing, holds no run, lacks a file, or has a damaged one', () => {
    expect(sentenceOf(() => openRunFolder(root))).toMatch(/There is no folder .*run: name the folder/);
    mkdirSync(root);
    expect(sentenceOf(() => openRunFolder(root))).toMatch(/run holds no run \(it has no run.json\)/);
    createRunFolder(root, someRun());
    writeFileSync(runPaths(root).split, '{"train":[');
    expect(sentenceOf(() => openRunFolder(root))).toMatch(/split.json is damaged: restore it/);
    rmSync(runPaths(root).config);
    expect(sentenceOf(() => openRunFolder(root))).toMatch(/config.json is missing: restore it/);
    writeFileSync(runPaths(root).run, '{"formatVersion":9,"versions":{"unet-fleet":"7.0.0"}}');
    expect(sentenceOf(() => openRunFolder(root))).toMatch(
      /has format 9.*version that made the run \(7.0.0\)/,
    );
  });

  test('of another config is refused, naming what differs', () => {
    const run = someRun();
    assertSameRun(root, run, run.config, 'data');
    // What cannot change the weights may differ.
    assertSameRun(root, run, configWith({ images: 'elsewhere', workers: '3' }), 'data');
    const wanted = configWith({ batchSize: '4', learningRate: '0.01' });
    const sentence = sentenceOf(() => assertSameRun(root, run, wanted, 'data'));
    expect(sentence).toContain('--batch-size 1 there, 4 here');
    expect(sentence).toContain('--learning-rate 0.001 there, 0.01 here');
    expect(sentence).toMatch(
      /^The run in .* has another config \(.*\): use its options, or choose another --run-dir\.$/,
    );
    expect(identitySha256(wanted)).not.toBe(run.record.identitySha256);
  });

  test('of other data is refused', () => {
    const run = someRun();
    expect(sentenceOf(() => assertSameRun(root, run, run.config, 'other'))).toMatch(/The data has changed/);
  });
});
