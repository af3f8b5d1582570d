import { expect, it } from 'vitest';
import { smallModel } from '../../../../test/helpers/small-model.ts';
import { graphOf } from './architectures/index.ts';
import { costOf } from './cost.ts';
import { graphBuilder } from './graph-builder.ts';
import type { ModelConfig } from './types.ts';

const unet: ModelConfig = smallModel({ baseWidth: 64 });

it('counts the multiply-adds of convolutions', () => {
  const builder = graphBuilder('torchDefault');
  const x = builder.conv(builder.input(3), 'a', 8, { stride: 2 });
  const graph = builder.graph(builder.transposedConv(x, 'b', 4));
  const { multiplyAdds } = costOf(graph, { width: 10, height: 6, numImages: 5 }, 'float32');
  expect(multiplyAdds).toBe(5 * 3 * 9 * 3 * 8 + 10 * 6 * 8 * 4);
});

it('holds a map until its last use, and gradients beside what the way back reads', () => {
  const builder = graphBuilder('torchDefault');
  const z = builder.conv(builder.input(1), 'a', 2);
  const y = builder.relu(builder.norm(z, 'n', 'batch'));
  const graph = builder.graph(builder.conv(y, 'b', 1, { kernel: 1 }));
  const pixels = 4 * 4;
  const { inferenceBytes, trainingBytes } = costOf(graph, { width: 4, height: 4, numImages: 1 }, 'float32');
  // The photo, and two maps of two channels.
  expect(inferenceBytes).toBe((1 + 2 + 2) * pixels * 4);
  // The photo, conv's and ReLU's maps for the way back, and the gradients before and behind the ReLU.
  expect(trainingBytes).toBe((1 + 2 + 2 + 2 + 2) * pixels * 4);
});

it('has the mask of a dropout beside the maps, from its way forth to its way back', () => {
  const bytesWith = (rate: number) => {
    const builder = graphBuilder('torchDefault');
    const y = builder.relu(builder.conv(builder.input(1), 'a', 2));
    const graph = builder.graph(builder.conv(builder.dropout(y, 'd', rate), 'b', 2));
    return costOf(graph, { width: 4, height: 4, numImages: 1 }, 'float32').trainingBytes;
  };
  const map = 2 * 16 * 4;
  // Its own map is one more that the conv behind it reads.
  expect(bytesWith(0.5) - bytesWith(0)).toBe(2 * map);
});

it('grows with the leaf, and inference holds less than training', () => {
  const one = costOf(graphOf(unet), { width: 256, height: 192, numImages: 1 }, 'float32');
  const two = costOf(graphOf(unet), { width: 256, height: 192, numImages: 2 }, 'float32');
  expect(two.trainingBytes).toBe(2 * one.trainingBytes);
  expect(two.multiplyAdds).toBe(one.multiplyAdds);
  expect(one.inferenceBytes).toBeLessThan(one.trainingBytes / 3);
  // Half of what torch.utils.flop_counter counts for milesial's.
  expect(one.multiplyAdds).toBe(36_128_686_080);
});
