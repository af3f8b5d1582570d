/**
 * The optimizers: to about 1e-6 against PyTorch (test/fixtures/optimizer/optimizers.json; PyTorch fuses some
 * multiply-adds, which costs the last bit), and bit for bit against a reference in Math.fround, whole and cut.
 */
import { readFileSync } from 'node:fs';
import { integerPower, optimizerNames, optimizers } from '@unet-fleet/law';
import { describe, expect, test } from 'vitest';
import { NumericMemory } from './memory.ts';
import { blockSumsOfSquares, clipNormCoefficient, sumBlocks } from './norm.ts';
import { createOptimizer, type OptimizerConfig } from './optimizer.ts';
import { updateRunningStatistics } from './statistics.ts';

interface State {
  parameters: number[];
  slots: Record<string, number[]>;
}
interface Fixture {
  weightSum: number;
  rates: number[];
  parameters: number[];
  gradientSums: number[][];
  cases: { config: OptimizerConfig; norms: number[]; after: Record<string, State> }[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/optimizer/optimizers.json', import.meta.url), 'utf8'),
);
const named = fixture.cases.map((entry) => {
  const { optimizer, weightDecay, momentum, clip } = entry.config;
  return { name: `${optimizer}, decay ${weightDecay}, momentum ${momentum}, clip ${clip}`, ...entry };
});

/**
 * Largest difference, relative to the value or, if that is larger, to the root mean square of the vector: values near
 * zero are differences of larger ones and carry their rounding.
 */
function distance(actual: ArrayLike<number>, expected: number[]): number {
  const rootMeanSquare = Math.sqrt(expected.reduce((sum, x) => sum + x * x, 0) / expected.length);
  return Math.max(
    ...expected.map((x, i) => Math.abs(actual[i]! - x) / Math.max(Math.abs(x), rootMeanSquare)),
  );
}

/** Runs the fixture's updates on vectors cut at the given places; returns the state after each update. */
function runUpdates(config: OptimizerConfig, cutsAt: number[]): { states: State[]; norms: number[] } {
  const memory = new NumericMemory();
  const optimizer = createOptimizer(config);
  const parameters = memory.from(fixture.parameters);
  const slots = optimizer.slots.map(() => memory.allocate(parameters.length));
  const ends = [...cutsAt, parameters.length];
  const norms: number[] = [];
  const states = fixture.gradientSums.map((sums, index) => {
    const gradients = memory.from(sums);
    const scale = 1 / fixture.weightSum;
    const norm = Math.sqrt(sumBlocks([blockSumsOfSquares(gradients)])) * scale;
    norms.push(norm);
    ends.forEach((end, i) => {
      const first = ends[i - 1] ?? 0;
      optimizer.apply(
        {
          parameters: parameters.part(first, end - first),
          gradients: gradients.part(first, end - first),
          slots: slots.map((slot) => slot.part(first, end - first)),
        },
        {
          scale,
          normCoefficient: config.clip === 'norm' ? clipNormCoefficient(config.clipLimit, norm) : 1,
          learningRate: fixture.rates[index]!,
          updateIndex: index + 1,
        },
      );
    });
    return {
      parameters: [...parameters.view],
      slots: Object.fromEntries(optimizer.slots.map((name, i) => [name, [...slots[i]!.view]])),
    };
  });
  return { states, norms };
}

describe.each(named)('$name', ({ config, after, norms }) => {
  const whole = runUpdates(config, []);

  test('agrees with PyTorch after 1 and after 10 updates', () => {
    for (const [updateIndex, expected] of Object.entries(after)) {
      const state = whole.states[Number(updateIndex) - 1]!;
      expect(Object.keys(state.slots)).toEqual(Object.keys(expected.slots));
      expect(distance(state.parameters, expected.parameters)).toBeLessThan(1e-6);
      for (const [slot, values] of Object.entries(expected.slots)) {
        expect(distance(state.slots[slot]!, values)).toBeLessThan(1e-6);
      }
    }
    if (norms.length > 0) expect(distance(whole.norms, norms)).toBeLessThan(1e-6);
  });

  test('has the bits of the reference', () => {
    const reference = referenceUpdates(config, whole.norms);
    expect(whole.states.map((state) => state.parameters)).toEqual(reference);
  });

  test('has the same bits when the vector is cut', () => {
    for (const cutsAt of [[1], [50], [3, 8, 61], [16, 32, 103]]) {
      expect(runUpdates(config, cutsAt).states).toEqual(whole.states);
    }
  });
});

/** Parameters after each update: one value at a time, one rounding per operation. */
function referenceUpdates(config: OptimizerConfig, norms: number[]): number[][] {
  const f = Math.fround;
  const momentum = f(config.momentum);
  const epsilon = f(config.epsilon);
  const limit = config.clip === 'value' ? f(config.clipLimit) : Number.POSITIVE_INFINITY;
  const parameters = fixture.parameters.map(f);
  const first = parameters.map(() => 0);
  const second = parameters.map(() => 0);
  return fixture.gradientSums.map((sums, index) => {
    const rate = fixture.rates[index]!;
    const coefficient = config.clip === 'norm' ? clipNormCoefficient(config.clipLimit, norms[index]!) : 1;
    const decoupled = config.optimizer === 'adamw';
    const decay = decoupled ? 0 : f(config.weightDecay);
    for (const [i, sum] of sums.entries()) {
      let p = parameters[i]!;
      if (decoupled) p = f(p * f(1 - rate * config.weightDecay));
      let g = f(f(f(sum) * f(1 / fixture.weightSum)) * coefficient);
      g = f(Math.max(Math.min(g, limit), -limit) + f(decay * p));
      if (config.optimizer === 'sgd') {
        if (config.momentum > 0) g = first[i] = f(f(first[i]! * momentum) + g);
        p = f(p + f(f(-rate) * g));
      } else if (config.optimizer === 'rmsprop') {
        const square = f(f(first[i]! * f(config.alpha)) + f(f(f(1 - config.alpha) * g) * g));
        first[i] = square;
        const root = f(f(Math.sqrt(square)) + epsilon);
        if (config.momentum > 0) {
          second[i] = f(f(second[i]! * momentum) + f(g / root));
          p = f(p + f(f(-rate) * second[i]!));
        } else p = f(p + f(f(f(-rate) * g) / root));
      } else {
        const weight = f(1 - config.beta1);
        const old = first[i]!;
        first[i] = weight < 0.5 ? f(old + f(weight * f(g - old))) : f(g + f(f(weight - 1) * f(g - old)));
        second[i] = f(f(second[i]! * f(config.beta2)) + f(f(f(1 - config.beta2) * g) * g));
        const correction1 = 1 - integerPower(config.beta1, index + 1);
        const correction2 = 1 - integerPower(config.beta2, index + 1);
        const root = f(f(f(Math.sqrt(second[i]!)) / f(Math.sqrt(correction2))) + epsilon);
        p = f(p + f(f(f(-rate / correction1) * first[i]!) / root));
      }
      parameters[i] = p;
    }
    return [...parameters];
  });
}

test.each(optimizerNames)(
  '%s has its kernel, cases of PyTorch, and as many numbers as the kernel takes',
  (name) => {
    const { kernel, slots, scalars } = optimizers[name];
    const exported = new NumericMemory().kernels[kernel];
    const { config } = fixture.cases.find((entry) => entry.config.optimizer === name) ?? {};
    if (config === undefined)
      throw new Error(`scripts/fixtures/make_optimizer_fixtures.py has no case of ${name}`);
    const numScalars = scalars(config, { learningRate: 0.1, updateIndex: 1 }).length;
    // Parameters, gradients and their length; scale, coefficient and limit.
    expect(exported).toHaveLength(3 + slots(config).length + 3 + numScalars);
  },
);

test('integerPower agrees with Math.pow', () => {
  for (const base of [0.9, 0.999, 0.5, 0]) {
    for (const exponent of [0, 1, 2, 3, 10, 1000, 123_457]) {
      const expected = base ** exponent;
      expect(Math.abs(integerPower(base, exponent) - expected)).toBeLessThan(1e-14);
    }
  }
});

test('vectors of another length or number are refused', () => {
  const memory = new NumericMemory();
  const optimizer = createOptimizer(fixture.cases[0]!.config);
  const scalars = { scale: 1, normCoefficient: 1, learningRate: 0.1, updateIndex: 1 };
  const [parameters, gradients, slot] = [memory.allocate(4), memory.allocate(5), memory.allocate(4)];
  expect(() => optimizer.apply({ parameters, gradients, slots: [slot, slot] }, scalars)).toThrow(RangeError);
  expect(() => optimizer.apply({ parameters, gradients: slot, slots: [slot] }, scalars)).toThrow(
    /1 state vectors/,
  );
});

test('running statistics move by a tenth, rounded once', () => {
  const running = Float32Array.of(0, 1, -2.5);
  updateRunningStatistics(running, Float32Array.of(1, 3, 0.3));
  expect([...running]).toEqual([0.1 * 1, 0.1 * 3 + 0.9, 0.1 * Math.fround(0.3) - 0.9 * 2.5].map(Math.fround));
});
