import {
  type ChangedOptions,
  earlyStoppingAfterValidation,
  firstBeyondEnd,
  type Intervention,
  initialEarlyStopping,
  initialSchedule,
  intervened,
  type Progress,
  planWith,
  rateAt,
  trainWith,
  withIntervention,
} from '@unet-fleet/law';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const plan = { numTrainSamples: 10, numValidationSamples: 2, batchSize: 5, leafSize: 5, epochs: 3, seed: 1 };
const by = { previousRate: null, at: '', by: 'me' };
const change = (step: number, options: ChangedOptions, learningRate?: number): Intervention => ({
  ...{ step, options, ...by },
  ...(learningRate !== undefined && { learningRate }),
});
const rate = (step: number, learningRate: number): Intervention => ({ step, learningRate, ...by });

const train = {
  ...{ schedule: 'cosine', learningRate: 0.1, epochs: 3, plateauPatience: 2, plateauFactor: 0.1 },
  ...{ stepEpochs: 1, stepFactor: 0.5, warmupSteps: 1, finalLearningRate: 0.01 },
} as const;
const progress = (version: number, schedule: 'cosine' | 'plateau' | 'step' | 'constant'): Progress => ({
  version,
  validationPending: false,
  schedule: initialSchedule({ ...train, schedule }, 2),
  earlyStopping: initialEarlyStopping({ earlyStopping: 2 }),
  best: null,
});

describe('a run that is given options anew', () => {
  it('has the rates of a cosine of so many epochs from then on, and the one that is wanted to the last bit', () => {
    const longer = initialSchedule({ ...train, epochs: 7 }, 2);
    const extended = intervened(progress(6, 'cosine'), change(7, { epochs: 7 }), plan).schedule;
    for (let step = 6; step < 14; step++) expect(rateAt(extended, step)).toBe(rateAt(longer, step));
    const scaled = intervened(
      progress(6, 'cosine'),
      change(7, { epochs: 7, learningRate: 0.3 }, 0.3),
      plan,
    ).schedule;
    expect(rateAt(scaled, 6)).toBe(0.3);
    expect(rateAt(scaled, 9)).toBeCloseTo((0.3 * rateAt(longer, 9)) / rateAt(longer, 6), 15);
    expect(() =>
      intervened(progress(0, 'cosine'), change(1, { epochs: 1 }), { ...plan, batchSize: 10 }),
    ).toThrow(/warm-up of 1 steps must be shorter than the run, which has 1 steps/);
  });

  it('keeps the course of a schedule that does not depend on the end', () => {
    for (const name of ['plateau', 'step', 'constant'] as const) {
      const before = progress(3, name);
      expect(intervened(before, change(4, { epochs: 9 }), plan).schedule).toEqual(before.schedule);
    }
    const plateau = intervened(
      progress(3, 'plateau'),
      change(4, { plateauPatience: 5, plateauFactor: 0.5 }),
      plan,
    );
    expect(plateau.schedule).toEqual({ ...progress(3, 'plateau').schedule, patience: 5, factor: 0.5 });
  });

  it('counts early stopping anew where it had ended the run, or would with the new patience', () => {
    let { earlyStopping } = progress(3, 'plateau');
    for (const loss of [1, 2]) earlyStopping = earlyStoppingAfterValidation(earlyStopping, loss);
    const before = { ...progress(3, 'plateau'), earlyStopping };
    const after = (options: ChangedOptions) => intervened(before, change(4, options), plan).earlyStopping;
    expect(after({ epochs: 4 })).toEqual({ patience: 2, best: 1, numBadValidations: 1 });
    expect(after({ earlyStopping: 1 })).toEqual({ patience: 1, best: 1, numBadValidations: 0 });
    before.earlyStopping = earlyStoppingAfterValidation(earlyStopping, 2);
    expect(after({ epochs: 4 })).toEqual({ patience: 2, best: 1, numBadValidations: 0 });
    // A rate that was set by hand while the run went on does not keep it from ending.
    expect(intervened(before, rate(4, 0.5), plan).earlyStopping).toBe(before.earlyStopping);
  });

  it('has the plan and the options that its last changes give it; a rate set by hand is no option', () => {
    const changes = [
      change(3, { epochs: 5 }),
      rate(4, 0.5),
      change(5, { earlyStopping: 3 }),
      change(9, { epochs: 2 }),
    ];
    expect(planWith(plan, changes.slice(0, 3)).epochs).toBe(5);
    expect(planWith(plan, []).epochs).toBe(3);
    const before = { ...train, earlyStopping: 0 } as Parameters<typeof trainWith>[0];
    expect(trainWith(before, changes)).toEqual({ ...before, epochs: 2, earlyStopping: 3 });
  });
});

describe('what is wanted now', () => {
  it('takes the place of what was planned of the same for later, is added to what its step has, and leaves the rest', () => {
    const planned = [
      rate(2, 0.2),
      change(5, { epochs: 4 }, 0.5),
      change(8, { earlyStopping: 1 }),
      rate(9, 0.9),
    ];
    expect(withIntervention(planned, rate(4, 0.4))).toEqual([
      rate(2, 0.2),
      rate(4, 0.4),
      change(5, { epochs: 4 }),
      change(8, { earlyStopping: 1 }),
    ]);
    expect(withIntervention(planned, change(5, { earlyStopping: 7 }))).toEqual([
      rate(2, 0.2),
      change(5, { epochs: 4, earlyStopping: 7 }, 0.5),
      rate(9, 0.9),
    ]);
  });

  it('is at most one a step, by rising step, whatever is wanted in whatever order', () => {
    const any = fc.record({
      step: fc.integer({ min: 1, max: 6 }),
      isRate: fc.boolean(),
      epochs: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), (wishes) => {
        const all = wishes.reduce<Intervention[]>(
          (list, { step, isRate, epochs }) =>
            withIntervention(list, isRate ? rate(step, epochs) : change(step, { epochs })),
          [],
        );
        const steps = all.map(({ step }) => step);
        expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
        for (const { learningRate, options } of all) expect(learningRate ?? options).toBeDefined();
        const last = wishes.at(-1);
        if (last && !last.isRate) expect(planWith(plan, all).epochs).toBe(last.epochs);
      }),
    );
  });

  it('counts from a step that the run has', () => {
    expect(firstBeyondEnd(plan, [rate(6, 0.1), change(7, { epochs: 4 }), rate(8, 0.2)])).toBeNull();
    expect(firstBeyondEnd(plan, [change(5, { epochs: 2 })])).toBeNull();
    expect(firstBeyondEnd(plan, [change(6, { epochs: 2 })])).toMatchObject({ step: 6 });
    expect(firstBeyondEnd(plan, [rate(7, 0.1)])).toMatchObject({ step: 7 });
    expect(firstBeyondEnd(plan, [change(7, { earlyStopping: 1 })])).toMatchObject({ step: 7 });
    expect(firstBeyondEnd(plan, [change(8, { epochs: 9 })])).toMatchObject({ step: 8 });
    expect(firstBeyondEnd(plan, [change(2, { epochs: 1 }), rate(3, 0.1)])).toMatchObject({ step: 3 });
  });
});
