/** The schedules against PyTorch's, from test/fixtures/optimizer/schedules.json. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { configOptions } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { earlyStoppingAfterValidation, initialEarlyStopping, shouldStopEarly } from './early-stopping.ts';
import { cosineOfFraction } from './exact-cosine.ts';
import {
  afterValidation,
  initialSchedule,
  rateAt,
  type ScheduleConfig,
  type ScheduleState,
  withOptions,
  withRate,
} from './schedule.ts';
import { scheduleNames, schedules } from './schedules.ts';

interface Fixture {
  plateau: { rate: number; patience: number; factor: number; losses: (number | null)[]; rates: number[] }[];
  step: { rate: number; stepEpochs: number; stepFactor: number; ratePerEpoch: number[] }[];
  cosine: { rate: number; warmupSteps: number; finalLearningRate: number; rates: number[] }[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../../../test/fixtures/optimizer/schedules.json', import.meta.url), 'utf8'),
);

/** As the schema has them, those of every schedule. */
const defaults = Object.fromEntries(
  configOptions.filter(({ group }) => group === 'train').map(({ key, default: value }) => [key, value]),
) as unknown as ScheduleConfig;

const throughJson = (state: ScheduleState): ScheduleState => JSON.parse(JSON.stringify(state));

describe('plateau', () => {
  test.each(fixture.plateau)('has the rates of PyTorch: patience $patience, $losses', (table) => {
    const { rate, patience, factor, losses, rates } = table;
    const config = { ...defaults, learningRate: rate, plateauPatience: patience, plateauFactor: factor };
    let state = initialSchedule(config, 7);
    const seen = losses.map((loss, index) => {
      state = throughJson(afterValidation(state, loss ?? Number.NaN));
      return rateAt(state, index);
    });
    expect(seen).toEqual(rates);
  });
});

describe('step', () => {
  test.each(fixture.step)('has the rates of PyTorch: every $stepEpochs epochs', (table) => {
    const { rate, stepEpochs, stepFactor, ratePerEpoch } = table;
    const state = initialSchedule(
      { ...defaults, schedule: 'step', learningRate: rate, stepEpochs, stepFactor },
      7,
    );
    ratePerEpoch.forEach((expected, epoch) => {
      expect(rateAt(state, epoch * 7)).toBe(expected);
      expect(rateAt(state, epoch * 7 + 6)).toBe(expected);
    });
    expect(afterValidation(state, 1)).toEqual(state);
  });
});

describe('cosine', () => {
  test.each(fixture.cosine)('has the rates of PyTorch: warm-up $warmupSteps', (table) => {
    const { rate, warmupSteps, finalLearningRate, rates } = table;
    const config: ScheduleConfig = {
      ...defaults,
      schedule: 'cosine',
      learningRate: rate,
      warmupSteps,
      finalLearningRate,
    };
    const state = initialSchedule({ ...config, epochs: rates.length }, 1);
    // PyTorch's recursion drifts from the closed form by rounding.
    rates.forEach((expected, step) => {
      expect(Math.abs(rateAt(state, step) - expected)).toBeLessThan(1e-12 * rate);
    });
    expect(rateAt(state, rates.length + 3)).toBe(finalLearningRate);
  });

  test('a warm-up as long as the run is refused with the number of steps', () => {
    const config: ScheduleConfig = { ...defaults, schedule: 'cosine', warmupSteps: 10, epochs: 2 };
    expect(() => initialSchedule(config, 5)).toThrow(UserError);
    expect(() => initialSchedule(config, 5)).toThrow(/warm-up of 10 steps.*has 10 steps/);
    expect(rateAt(initialSchedule({ ...config, warmupSteps: 9 }, 5), 9)).toBe(0.001);
  });

  test('the cosine is within 1e-15 of Math.cos', () => {
    for (let i = 0; i <= 1000; i++) {
      expect(Math.abs(cosineOfFraction(i / 1000) - Math.cos((Math.PI * i) / 1000))).toBeLessThan(1e-15);
    }
    expect(cosineOfFraction(1)).toBe(-1);
  });
});

test.each(scheduleNames)('%s has the state that it declares, also after all that changes it', (name) => {
  const fields = ['name', 'rate', ...Object.keys(schedules[name].fields)].sort();
  const begun = initialSchedule({ ...defaults, schedule: name }, 3);
  const validated = [3, 3, 3, 3].reduce(afterValidation, begun);
  for (const state of [begun, validated, withOptions(validated, { epochs: 9, plateauPatience: 4 }, 3)]) {
    expect(Object.keys(throughJson(state)).sort()).toEqual(fields);
    expect(rateAt(withRate(state, 5, 0.25), 5)).toBe(0.25);
  }
});

test('constant stays', () => {
  const state = initialSchedule({ ...defaults, schedule: 'constant' }, 3);
  expect(rateAt(afterValidation(state, 9), 1000)).toBe(0.001);
});

describe('early stopping', () => {
  const stopsAfter = (patience: number, losses: number[]): number => {
    let state = initialEarlyStopping({ earlyStopping: patience });
    for (const [index, loss] of losses.entries()) {
      state = JSON.parse(JSON.stringify(earlyStoppingAfterValidation(state, loss)));
      if (shouldStopEarly(state)) return index + 1;
    }
    return -1;
  };

  test('stops after so many validations in a row without a lower loss', () => {
    expect(stopsAfter(2, [1, 0.9, 0.95, 0.8, 0.8, 0.81])).toBe(6);
    expect(stopsAfter(2, [1, Number.NaN, Number.NaN])).toBe(3);
    expect(stopsAfter(1, [1, 0.999999, 1])).toBe(3);
  });

  test('0 never stops', () => expect(stopsAfter(0, [1, 2, 3, 4, 5, 6])).toBe(-1));
});
