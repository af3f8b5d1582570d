import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classScoreNames, classScores } from './class-scores/index.ts';
import { confusionCsv, emptyConfusion, mergeConfusion } from './confusion.ts';
import { metricsOf } from './metrics.ts';

const matrixOf = (numClasses: number) =>
  fc
    .array(fc.nat(1_000_000), { minLength: numClasses ** 2, maxLength: numClasses ** 2 })
    .map((counts) => Float64Array.from(counts));

describe('metricsOf', () => {
  it('scores a case worked by hand', () => {
    // truth 0: 10 pixels (8 right); truth 1: 6 pixels (3 right); truth 2: 4 pixels, none found; class 2 unpredicted.
    const metrics = metricsOf(Float64Array.of(8, 2, 0, 3, 3, 0, 1, 3, 0), 3);
    expect(metrics.numPixels).toBe(20);
    expect(metrics.pixelAccuracy).toBe(11 / 20);
    expect(metrics.classes.map(({ iou }) => iou)).toEqual([8 / 14, 3 / 11, 0]);
    expect(metrics.classes.map(({ dice }) => dice)).toEqual([16 / 22, 6 / 14, 0]);
    expect(metrics.classes.map(({ precision }) => precision)).toEqual([8 / 12, 3 / 8, null]);
    expect(metrics.classes.map(({ recall }) => recall)).toEqual([8 / 10, 3 / 6, 0]);
    expect(metrics.meanIou).toBeCloseTo((8 / 14 + 3 / 11) / 3, 15);
    expect(metrics.meanDice).toBeCloseTo((16 / 22 + 6 / 14) / 3, 15);
    expect(metrics.baseline).toEqual({
      classIndex: 0,
      pixelAccuracy: 0.5,
      meanIou: 0.5 / 3,
      meanDice: 20 / 30 / 3,
    });
  });

  it('leaves out absent classes and counts predicted-only ones as 0', () => {
    // Class 2 is in neither; class 3 is predicted for one pixel of class 1.
    const confusion = emptyConfusion(4);
    confusion[0 * 4 + 0] = 5;
    confusion[1 * 4 + 1] = 4;
    confusion[1 * 4 + 3] = 1;
    const metrics = metricsOf(confusion, 4);
    expect(metrics.classes.map(({ presence }) => presence)).toEqual([
      'present',
      'present',
      'absent',
      'predicted-only',
    ]);
    expect(metrics.classes[2]).toMatchObject({ iou: null, dice: null, precision: null, recall: null });
    expect(metrics.classes[3]).toMatchObject({ iou: 0, dice: 0, precision: 0, recall: null });
    expect(metrics.numClassesCounted).toBe(3);
    expect(metrics.meanIou).toBeCloseTo((1 + 4 / 5 + 0) / 3, 15);
    expect(metrics.meanDice).toBeCloseTo((1 + 8 / 9 + 0) / 3, 15);
  });

  it('gives the known baseline of a set that is 76.9 % background in 55 of 59 classes', () => {
    const confusion = emptyConfusion(59);
    confusion[0] = 769_000;
    for (let truth = 1; truth < 55; truth++) confusion[truth * 59] = Math.round(231_000 / 54);
    const metrics = metricsOf(confusion, 59);
    expect(metrics.pixelAccuracy).toBeCloseTo(0.769, 3);
    expect(metrics.meanIou).toBeCloseTo(0.014, 3);
    expect(metrics.baseline).toMatchObject({
      classIndex: 0,
      pixelAccuracy: metrics.pixelAccuracy,
      meanDice: metrics.meanDice,
    });
    expect(metrics.baseline.meanIou).toBeCloseTo(metrics.meanIou, 15);
  });

  it('has no score, neither 0 nor NaN, when no pixel counts', () => {
    const metrics = metricsOf(emptyConfusion(2), 2);
    expect(metrics).toMatchObject({ numPixels: 0, pixelAccuracy: null, meanIou: null, meanDice: null });
    expect(metrics.baseline).toEqual({ classIndex: 0, pixelAccuracy: null, meanIou: null, meanDice: null });
  });

  it('keeps every score within its bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }).chain(matrixOf), (confusion) => {
        const metrics = metricsOf(confusion, Math.sqrt(confusion.length));
        const unit = [metrics.pixelAccuracy, metrics.meanIou, metrics.meanDice, metrics.baseline.meanIou];
        for (const { iou, dice, presence } of metrics.classes) {
          expect(iou === null).toBe(presence === 'absent');
          // Dice is 2 IoU / (1 + IoU): the two always rank classes alike.
          if (iou !== null) expect(dice).toBeCloseTo((2 * iou) / (1 + iou), 12);
        }
        for (const scored of metrics.classes) {
          for (const name of classScoreNames) {
            const score = scored[name];
            if (score === null) {
              // A mean is over all classes that occur, so none of those may lack the score.
              expect(scored.presence === 'absent' || classScores[name].mean === null).toBe(true);
            } else expect(score >= 0 && score <= 1).toBe(true);
          }
        }
        for (const score of unit) expect(score >= 0 && score <= 1).toBe(true);
        expect(metrics.meanDice + 1e-12).toBeGreaterThanOrEqual(metrics.meanIou);
      }),
    );
  });

  it('is the score of the most frequent class when that is all that is predicted', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 2, maxLength: 9 }), (truth) => {
        const numClasses = truth.length;
        const top = truth.indexOf(Math.max(...truth));
        const confusion = emptyConfusion(numClasses);
        truth.forEach((count, classIndex) => {
          confusion[classIndex * numClasses + top] = count;
        });
        const metrics = metricsOf(confusion, numClasses);
        expect(metrics.baseline.classIndex).toBe(top);
        expect(metrics.baseline.pixelAccuracy).toBe(metrics.pixelAccuracy);
        expect(metrics.baseline.meanIou).toBeCloseTo(metrics.meanIou, 12);
        expect(metrics.baseline.meanDice).toBeCloseTo(metrics.meanDice, 12);
      }),
    );
  });

  it('refuses a matrix of another size', () => {
    expect(() => metricsOf(emptyConfusion(3), 2)).toThrow('9 cells, not 2 x 2');
  });
});

describe('confusion matrices', () => {
  it('merge to the same bits in any order', () => {
    const matrices = fc.array(matrixOf(3), { minLength: 1, maxLength: 6 });
    const shuffled = matrices.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([list, permuted]) => {
        const sums = [list, permuted].map((order) => {
          const sum = emptyConfusion(3);
          for (const matrix of order) mergeConfusion(sum, matrix);
          return sum;
        });
        expect(sums[0]).toEqual(sums[1]);
      }),
    );
  });

  it('refuse to merge with another number of classes', () => {
    expect(() => mergeConfusion(emptyConfusion(2), emptyConfusion(3))).toThrow('4 and 9 cells');
  });

  it('are written as CSV with names quoted where they need it', () => {
    const csv = confusionCsv(Float64Array.of(3, 1, 0, 2 ** 40), ['null', 'a,"b"']);
    expect(csv).toBe('truth \\ prediction,null,"a,""b"""\nnull,3,1\n"a,""b""",0,1099511627776\n');
  });
});
