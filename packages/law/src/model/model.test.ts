import { describe, expect, it } from 'vitest';
import { smallModel } from '../../../../test/helpers/small-model.ts';
import { describeModel } from './describe.ts';
import { initialParameters, initialStatistics } from './initialize.ts';
import { fromTorchLayout, toTorchLayout } from './torch-layout.ts';
import type { ModelConfig } from './types.ts';

const unet = (overrides: Partial<ModelConfig> = {}): ModelConfig =>
  smallModel({ numClasses: 59, baseWidth: 64, ...overrides });

describe('model', () => {
  it('has the parameters of milesial/Pytorch-UNet', () => {
    const count = (overrides: Partial<ModelConfig>) => describeModel(unet(overrides)).numParameters;
    expect(count({ numClasses: 2 })).toBe(31_037_698);
    expect(count({})).toBe(31_041_403);
    expect(count({ baseWidth: 32 })).toBe(7_764_955);
    expect(count({ baseWidth: 16 })).toBe(1_943_563);
    expect(count({ baseWidth: 8 })).toBe(487_075);
    expect(count({ upsampling: 'bilinear' })).toBe(17_266_747);
  });

  it('has its state entries: 64 trainable tensors, and two statistics and a counter for each of 18 batch norms', () => {
    const { parameters, statistics } = describeModel(unet());
    expect(parameters).toHaveLength(64);
    expect(parameters.length + (statistics.length / 2) * 3).toBe(118);
    const names = parameters.map(({ name }) => name);
    expect(names[0]).toBe('inc.double_conv.0.weight');
    expect(names).toContain('down4.maxpool_conv.1.double_conv.3.weight');
    expect(names).toContain('up1.up.bias');
    expect(names.at(-1)).toBe('outc.conv.bias');
  });

  it('lays its tensors out without gap or overlap', () => {
    const model = describeModel(unet({ baseWidth: 8 }));
    for (const [specs, total] of [
      [model.parameters, model.numParameters],
      [model.statistics, model.numStatistics],
    ] as const) {
      let offset = 0;
      for (const spec of specs) {
        expect(spec.offset).toBe(offset);
        offset += spec.size;
      }
      expect(offset).toBe(total);
    }
  });

  it('starts as PyTorch does: uniform within 1/sqrt(fan in), the same for the same seed', () => {
    const model = describeModel(unet({ baseWidth: 8 }));
    const parameters = initialParameters(model, 3);
    expect(initialParameters(model, 3)).toEqual(parameters);
    expect(initialParameters(model, 4)).not.toEqual(parameters);
    for (const spec of model.parameters) {
      const values = parameters.subarray(spec.offset, spec.offset + spec.size);
      if (spec.kind === 'normScale') expect(values.every((value) => value === 1)).toBe(true);
      else if (spec.kind === 'normShift') expect(values.every((value) => value === 0)).toBe(true);
      else {
        const bound = Math.fround(1 / Math.sqrt(spec.fanIn));
        const highest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
        expect(highest).toBeLessThanOrEqual(bound);
        if (spec.size > 500) {
          expect(highest).toBeGreaterThan(0.98 * bound);
          const mean = values.reduce((sum, value) => sum + value, 0) / spec.size;
          expect(Math.abs(mean)).toBeLessThan((4 * bound) / Math.sqrt(3 * spec.size));
        }
      }
    }
    const up = model.parameters.find(({ name }) => name === 'up1.up.weight')!;
    expect(up.fanIn).toBe(64 * 4);
    const statistics = initialStatistics(model);
    expect([...new Set(statistics)].sort()).toEqual([0, 1]);
  });

  it('changes layouts exactly: OIHW is HWIO', () => {
    const spec = describeModel(unet({ baseWidth: 8 })).parameters[0]!;
    const [numOut, numIn, size] = spec.torchShape as [number, number, number];
    const torch = Float32Array.from({ length: spec.size }, (_, i) => i);
    const engine = fromTorchLayout(spec, torch);
    const o = 5;
    const i = 2;
    const h = 1;
    const w = 2;
    const value = torch[((o * numIn + i) * size + h) * size + w];
    expect(engine[((h * size + w) * numIn + i) * numOut + o]).toBe(value);
    expect(toTorchLayout(spec, engine)).toEqual(torch);
  });
});
