import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import { UserError } from '@unet-fleet/law';
import { createRunFolder, identitySha256, runPaths } from '@unet-fleet/record';
import { afterAll, expect, test } from 'vitest';
import { smallModel } from '../../../../test/helpers/small-model.ts';
import { writeTables } from './index.ts';
import { tables } from './tables.ts';

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-csv-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = '2026-01-02T03:04:05.000Z';

function runOf(numSteps: number): string {
  const runDir = join(folder, String(numSteps));
  const config = loadConfig({ flags: { images: 'photos', masks: 'masks' } });
  createRunFolder(runDir, {
    config,
    record: {
      ...{
        formatVersion: 1,
        runId: 'run',
        createdAt: at,
        identitySha256: identitySha256(config),
        dataSha256: '',
      },
      model: smallModel({ baseWidth: 64 }),
      ...{ engineThreads: 1, classNames: ['one', 'two'], versions: {} },
    },
    split: { train: ['a'], validation: ['b'] },
  });
  const step = (n: number) => ({
    ...{ at, type: 'step', epoch: 1, stepInEpoch: n, step: n, loss: 1, learningRate: 0.1, numImages: 4 },
    ...{ gradientNorm: 2, stepMs: 500, numWorkers: 1 },
  });
  const lines = Array.from({ length: numSteps }, (_, n) => `${JSON.stringify(step(n + 1))}\n`);
  writeFileSync(runPaths(runDir).metrics, lines.join(''));
  return runDir;
}

test('every row has as many cells as there are columns, written in many pieces', async () => {
  const out = join(folder, 'out');
  const [steps] = await writeTables(runOf(20_000), out);
  const text = readFileSync(steps!.path, 'utf8');
  expect(steps).toMatchObject({ numRows: 20_000, sizeBytes: Buffer.byteLength(text) });
  const rows = text.trimEnd().split('\r\n');
  expect(new Set(rows.map((row) => row.split(',').length))).toEqual(new Set([16]));
  expect(rows.slice(1).map((row) => Number(row.split(',')[1]))).toEqual(
    Array.from({ length: 20_000 }, (_, n) => n + 1),
  );
  expect(readdirSync(out).sort()).toEqual(['events.csv', 'steps.csv', 'validations.csv', 'workers.csv']);
});

test('a folder that can not be written is told of, and leaves nothing behind', async () => {
  const runDir = runOf(1);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  await expect(writeTables(runDir, join(file, 'csv'))).rejects.toThrow(UserError);
});

test('docs/metrics-files.md names every table and column', () => {
  const text = readFileSync(new URL('../../../../docs/metrics-files.md', import.meta.url), 'utf8');
  for (const { name, columns } of tables) {
    const row = text.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
    for (const column of columns([])) expect(row).toContain(`\`${column}\``);
  }
});
