import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { configFrom } from './config-options.ts';
import { processIo } from './io.ts';

const cwd = mkdtempSync(join(tmpdir(), 'options-'));
afterAll(() => rmSync(cwd, { recursive: true }));
const io = { ...processIo(), cwd, env: {} };

test('paths start where the command is run, and flags win over file and base', () => {
  writeFileSync(join(cwd, 'recipe.yaml'), 'data: {images: photos}\ntrain: {epochs: 2, batchSize: 2}\n');
  const base = [{ name: 'base', values: { train: { epochs: 1, batchSize: 1, seed: 9 } } }];
  const flags = { config: 'recipe.yaml', epochs: '3', masks: '/m' };
  const config = configFrom(flags, ['data', 'train'], io, base);
  expect(config.data).toMatchObject({ images: join(cwd, 'photos'), masks: '/m', palette: '' });
  expect(config.train).toMatchObject({ epochs: 3, batchSize: 2, seed: 9 });
});

test('a variable changes only the commands that take its option', () => {
  const env = { UNET_FLEET_SIZE: '32x32', UNET_FLEET_MASKS: '/m' };
  expect(configFrom({}, ['data.masks'], { ...io, env }).data).toMatchObject({ size: '', masks: '/m' });
  expect(configFrom({}, ['data'], { ...io, env }).data.size).toBe('32x32');
});
