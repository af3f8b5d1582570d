import { describe, expect, it, test } from 'vitest';
import { smallModel } from '../../../../test/helpers/small-model.ts';
import { architectureNames, graphOf } from './architectures/index.ts';
import { describeModel } from './describe.ts';
import { graphBuilder } from './graph-builder.ts';
import { initialParameters } from './initialize.ts';
import { lifetimesOf } from './lifetimes.ts';
import { modelTitle } from './options.ts';
import { sideLimits, sidesOf, sizeProblem } from './sides.ts';
import type { ModelConfig } from './types.ts';

const residual = (overrides: Partial<ModelConfig> = {}) =>
  smallModel({ architecture: 'residual-encoder', norm: 'instance', ...overrides });

describe('sides', () => {
  it('follow from the graph: a pool takes any side, a stride on the way to a sum only even ones', () => {
    expect(sideLimits(smallModel())).toEqual({ smallest: 16, multiple: 1 });
    expect(sideLimits(smallModel({ depth: 2, upsampling: 'bilinear' }))).toEqual({
      smallest: 4,
      multiple: 1,
    });
    expect(sideLimits(smallModel({ depth: 6 }))).toEqual({ smallest: 64, multiple: 1 });
    expect(sideLimits(residual())).toEqual({ smallest: 16, multiple: 16 });
    expect(sideLimits(residual({ depth: 3 }))).toEqual({ smallest: 8, multiple: 8 });
  });

  it('come back to those of the photo', () => {
    for (const [config, side] of [
      [smallModel(), 45],
      [smallModel({ upsampling: 'bilinear' }), 16],
      [residual(), 48],
    ] as const) {
      const graph = graphOf(config);
      expect(sidesOf(graph, side)![graph.output]).toBe(side);
    }
    expect(sidesOf(graphOf(smallModel()), 15)).toBeNull();
    expect(sidesOf(graphOf(residual()), 40)).toBeNull();
  });

  it('that do not fit are told with those that do', () => {
    const limits = { smallest: 16, multiple: 16 };
    expect(sizeProblem({ width: 48, height: 16 }, limits)).toBeNull();
    expect(sizeProblem({ width: 48, height: 15 }, limits)).toMatch(/too small .* at least 16x16/);
    expect(sizeProblem({ width: 50, height: 30 }, limits)).toMatch(/multiples of 16: use --size 48x32/);
  });
});

describe('depth', () => {
  it('is the number of levels below the first, which go on counting', () => {
    const names = (depth: number) => describeModel(smallModel({ depth })).parameters.map(({ name }) => name);
    expect(names(2).filter((name) => /^(down|up)/.test(name) && name.endsWith('.0.weight'))).toEqual([
      ...['down1', 'down2'].map((down) => `${down}.maxpool_conv.1.double_conv.0.weight`),
      ...['up1', 'up2'].map((up) => `${up}.conv.double_conv.0.weight`),
    ]);
    expect(names(6)).toContain('down6.maxpool_conv.1.double_conv.3.weight');
    expect(names(6)).toContain('up6.up.bias');
  });

  it('is said only where it is not the usual one', () => {
    expect(modelTitle(smallModel())).toBe('U-Net, base width 8, transposed');
    expect(modelTitle(residual({ depth: 5 }))).toBe('residual encoder U-Net, base width 8, depth 5');
    expect(modelTitle(smallModel({ norm: 'instance' }))).toContain('instance norm');
  });
});

test.each(architectureNames)('%s has the norm that is asked for, and no other', (architecture) => {
  const normsOf = (norm: ModelConfig['norm']) =>
    new Set(
      graphOf(smallModel({ architecture, norm })).nodes.flatMap(({ kind }) =>
        /Norm$/.test(kind) ? [kind] : [],
      ),
    );
  expect([...normsOf('batch')]).toEqual(['batchNorm']);
  expect([...normsOf('instance')]).toEqual(['groupNorm']);
  expect([...normsOf('group')]).toEqual(['groupNorm']);
  expect(describeModel(smallModel({ architecture, norm: 'instance' })).numStatistics).toBe(0);
});

test.each(architectureNames)('%s: each map is freed once, and read by nobody after that', (architecture) => {
  const graph = graphOf(smallModel({ architecture }));
  const { needed, afterInference, afterForward, afterBackward } = lifetimesOf(graph);
  const ids = [...graph.nodes.keys()].filter((id) => needed[id]);
  const kept = ids.filter((id) => graph.nodes[id]!.kind !== 'input' && id !== graph.output);
  expect(afterInference.flat().toSorted((a, b) => a - b)).toEqual(kept);
  expect([...afterForward, ...afterBackward].flat().toSorted((a, b) => a - b)).toEqual(kept);
  for (const lists of [afterInference, afterForward]) {
    const freed = new Set<number>();
    for (const id of ids) {
      for (const input of graph.nodes[id]!.inputs) expect(freed.has(input)).toBe(false);
      for (const gone of lists[id]!) freed.add(gone);
    }
  }
  // What a backward rule reads is still there when its turn comes.
  const freed = new Set(afterForward.flat());
  for (const id of ids.toReversed()) {
    const { kind, inputs } = graph.nodes[id]!;
    const read = [
      ...(['conv', 'transposedConv', 'batchNorm', 'groupNorm', 'maxPool', 'bilinear'].includes(kind)
        ? inputs
        : []),
      ...(['relu', 'maxPool'].includes(kind) ? [id] : []),
    ];
    for (const map of read) expect(freed.has(map), `${kind} ${id} reads ${map}`).toBe(false);
    for (const gone of afterBackward[id]!) freed.add(gone);
  }
});

describe('the residual encoder', () => {
  it("has nnU-Net's names, blocks and heads, of which those below the full size have no part in the output", () => {
    const config = residual();
    const names = describeModel(config).parameters.map(({ name }) => name);
    for (const name of [
      'encoder.stem.convs.0.conv.bias',
      'encoder.stages.1.blocks.0.conv1.norm.weight',
      // Stage 1 is pooled before it is projected; stage 0 has the stem's width and neither.
      'encoder.stages.1.blocks.0.skip.1.conv.weight',
      'encoder.stages.4.blocks.5.conv2.conv.weight',
      'decoder.transpconvs.3.weight',
      'decoder.stages.0.convs.0.norm.bias',
      'decoder.seg_layers.0.bias',
    ]) {
      expect(names).toContain(name);
    }
    expect(names).not.toContain('encoder.stages.0.blocks.0.skip.0.conv.weight');
    expect(new Set(names).size).toBe(names.length);
    const graph = graphOf(config);
    expect(graph.deepOutputs).toHaveLength(3);
    const { needed } = lifetimesOf(graph);
    expect(graph.deepOutputs.map((id) => needed[id])).toEqual([false, false, false]);
  });

  it("begins as nnU-Net's does: He's normal, biases 0, the last norm of a block 0", () => {
    const description = describeModel(residual());
    const parameters = initialParameters(description, 3);
    const valuesOf = (name: string) => {
      const { offset, size } = description.parameters.find((spec) => spec.name === name)!;
      return parameters.subarray(offset, offset + size);
    };
    expect(valuesOf('encoder.stem.convs.0.conv.bias').every((value) => value === 0)).toBe(true);
    expect(valuesOf('encoder.stages.0.blocks.0.conv1.norm.weight').every((value) => value === 1)).toBe(true);
    expect(valuesOf('encoder.stages.0.blocks.0.conv2.norm.weight').every((value) => value === 0)).toBe(true);
    const weights = valuesOf('encoder.stages.4.blocks.0.conv2.conv.weight');
    const variance = weights.reduce((sum, value) => sum + value * value, 0) / weights.length;
    expect(variance / (2 / (1.0001 * 128 * 9))).toBeCloseTo(1, 1);
  });
});

it('refuses groups that do not come out even, with the remedy', () => {
  const builder = graphBuilder('torchDefault');
  const x = builder.conv(builder.input(3), 'c', 12);
  expect(() => builder.norm(x, 'n', 'group')).toThrow(
    /12 channels of n.*--base-width that is a multiple of 8/,
  );
});
