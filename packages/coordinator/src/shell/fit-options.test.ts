import { loadConfig } from '@unet-fleet/config/load';
import type { Dataset } from '@unet-fleet/dataset';
import { expect, test } from 'vitest';
import { fitOptions } from './fit-options.ts';

test('a loss with sums for each class is refused where a lease has no room for so many', () => {
  const config = loadConfig({});
  const dice = { ...config, train: { ...config.train, loss: 'batch-dice' } } as const;
  const dataset = { numClasses: 5_000, samples: [], classPixels: [] } as unknown as Dataset;
  expect(() => fitOptions(dice, dataset)).toThrow(
    '--loss batch-dice needs 15000 sums over the batch for 5000 classes, and 12288 is the most: choose --loss cross-entropy',
  );
  expect(() => fitOptions(dice, { ...dataset, numClasses: 4_096 })).not.toThrow('sums over the batch');
});
