import { idleWorkersNote, leafSizeOf, UserError } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { differingKeys, identityOf, withoutSecrets } from './identity.ts';
import { loadConfig } from './load.ts';
import { parseClassWeights, parseSize } from './parse.ts';

const withFlags = (flags: Record<string, string>) => loadConfig({ flags });

test('the identity leaves out paths and names, workers, folders, logging and broker', () => {
  const other = withFlags({
    images: '/elsewhere/photos',
    masks: '/elsewhere/masks',
    classNames: 'names.txt',
    imageSuffix: '_sat',
    maskSuffix: '_mask',
    runDir: 'runs/x',
    workers: '7',
    minWorkers: '2',
    checkpointEvery: '9',
    logLevel: 'debug',
    natsPort: '4222',
  });
  expect(identityOf(other)).toBe(identityOf(withFlags({})));
  expect(differingKeys(other, withFlags({}))).toEqual([]);
});

test('whatever can change the weights is in the identity and is named', () => {
  const a = withFlags({});
  for (const [key, value] of [
    ['seed', '1'],
    ['leafSize', '1'],
    ['threads', '2'],
    ['device', 'cpu'],
    ['size', '64x64'],
    ['validationShare', '0.2'],
    ['unpaired', 'stop'],
    ['baseWidth', '8'],
    ['validateEvery', '3'],
    ['onNonFinite', 'skip'],
    ['precision', 'bf16'],
  ] as const) {
    const b = withFlags({ [key]: value });
    expect(identityOf(b), key).not.toBe(identityOf(a));
    expect(differingKeys(a, b).map(({ b }) => String(b))).toEqual([value]);
  }
  expect(differingKeys(a, withFlags({ batchSize: '4', seed: '2' }))).toEqual([
    { flag: '--batch-size', a: 1, b: 4 },
    { flag: '--seed', a: 0, b: 2 },
  ]);
});

test('the identity is JSON with sorted keys', () => {
  const keys = Object.keys(JSON.parse(identityOf(withFlags({}))));
  expect(keys).toEqual([...keys].sort());
});

test('sizes and class weights are read from text', () => {
  expect(parseSize('256x192')).toEqual({ width: 256, height: 192 });
  expect(parseSize('')).toBeNull();
  expect(() => parseSize('256')).toThrow(UserError);
  expect(parseClassWeights('balanced')).toBe('balanced');
  expect(parseClassWeights('1, 0.5,2')).toEqual([1, 0.5, 2]);
  expect(parseClassWeights('')).toBeNull();
  expect(() => parseClassWeights('0,0')).toThrow(UserError);
});

test('a leaf is a quarter of the batch unless given', () => {
  expect([1, 4, 6, 8].map((batchSize) => leafSizeOf({ batchSize, leafSize: 0 }))).toEqual([1, 1, 2, 2]);
  expect(leafSizeOf({ batchSize: 8, leafSize: 3 })).toBe(3);
});

test('workers without a leaf are told with sizes that would use them', () => {
  expect(idleWorkersNote(4, 4, { batchSize: 8, leafSize: 2 })).toBeNull();
  expect(idleWorkersNote(8, 4, { batchSize: 8, leafSize: 2 })).toBe(
    '4 of 8 workers will have nothing to do: a step has 4 leaves; --leaf-size 1 would use them all',
  );
  expect(idleWorkersNote(2, 1, { batchSize: 1, leafSize: 0 })).toBe(
    '1 of 2 workers will have nothing to do: a step has 1 leaf; --batch-size 2 --leaf-size 1 would use them all',
  );
});

test('a config that is kept in files has no password', () => {
  const config = withFlags({ natsUrl: 'nats://h:1', natsUser: 'u', natsPassword: 'hunter2' });
  const kept = withoutSecrets(config);
  expect(JSON.stringify(kept)).not.toContain('hunter2');
  expect({ ...kept.broker, natsPassword: 'hunter2' }).toEqual(config.broker);
  expect(config.broker.natsPassword).toBe('hunter2');
});
