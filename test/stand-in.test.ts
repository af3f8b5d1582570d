/** The benchmark's stand-in for an accelerator gives every gradient once, in the order of a backward pass. */
import { describeModel, type ModelConfig } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { backwardOrder } from './bench/stand-in/backward-order.ts';

const config = {
  architecture: 'unet',
  inChannels: 3,
  numClasses: 3,
  baseWidth: 4,
  depth: 5,
  upsampling: 'transposed',
  norm: 'batch',
} as ModelConfig;

test('the gradients of a stand-in are those of the model, the head first and the stem last', () => {
  const order = backwardOrder(config, 64, 48);
  const { parameters } = describeModel(config);
  expect(order.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([...parameters.keys()]);
  for (const { index, spec } of order) expect(spec).toEqual(parameters[index]);
  const moments = order.map(({ at }) => at);
  expect(moments).toEqual(moments.toSorted((a, b) => a - b));
  expect(moments[0]).toBeGreaterThan(1 / 3);
  expect(moments.at(-1)).toBe(1);
  expect(order[0]!.spec.name).toMatch(/^outc/);
  expect(order.at(-1)!.spec.name).toMatch(/^inc/);
});
