/** Loss, scores, learning rate and gradient norm over the steps, with what happened to the run marked in each. */

import type { Intervention } from '@unet-fleet/coordinator/core/types';
import { smooth } from '@unet-fleet/pictures/history';
import type { History, Point } from '../protocol.ts';
import { type Chart, chartFigure, type Marks } from './chart.ts';
import { type Html, html } from './html.ts';
import type { Report } from './report.ts';
import { absent, section } from './section.ts';
import { compact, counted, listed, score } from './text.ts';

/** Lines that can be told apart, and rates that a sentence can hold. */
const maxRateChanges = 200;
const maxNamedRates = 8;

export function curvesSection({ history, interventions }: Report): Html {
  const { curves, restarts, checkpoints, best } = history;
  if (curves.trainLoss.length === 0) {
    return section('curves', 'Curves', absent('The run has recorded no step, so there are no curves.'));
  }
  const lastStep = Math.max(stepOf(curves.trainLoss), stepOf(curves.validationLoss));
  const rateChanges = interventions
    .filter(isRateChange)
    .filter(({ step }) => step <= lastStep)
    .slice(0, maxRateChanges);
  const marks: Marks = {
    restarts,
    checkpoints: checkpoints.map(({ step }) => step),
    rateChanges: rateChanges.map(({ step }) => step),
    best: best?.step ?? null,
  };
  const figures = chartsOf(history).map((chart) => chartFigure({ ...chart, lastStep, marks }));
  return section(
    'curves',
    'Curves',
    html`<p class="quiet">${marksText(history, rateChanges)}</p><div class="charts">${figures}</div>`,
  );
}

function chartsOf({ curves, best }: History): Omit<Chart, 'lastStep' | 'marks'>[] {
  const { trainLoss, validationLoss, learningRate, meanIou, pixelAccuracy, gradientNorm, imagesPerSecond } =
    curves;
  const bestWords = best ? `; best at step ${best.step}` : '';
  return [
    {
      title: 'Loss',
      scale: 'fitting',
      words: `${spoken('Training loss', trainLoss)}; ${spoken('validation loss', validationLoss)}${bestWords}.`,
      series: [
        { name: '', look: 'training', points: trainLoss, isFaint: true },
        { name: 'training, smoothed', look: 'training', points: smoothed(trainLoss) },
        { name: 'validation', look: 'validation', points: validationLoss, hasDots: true },
      ],
    },
    {
      title: 'Validation scores',
      scale: 'share',
      words: `${spoken('Mean IoU', meanIou)}; ${spoken('pixel accuracy', pixelAccuracy)}${bestWords}.`,
      series: [
        { name: 'mean IoU', look: 'score', points: meanIou, hasDots: true },
        { name: 'pixel accuracy', look: 'accuracy', points: pixelAccuracy },
      ],
    },
    {
      title: 'Learning rate',
      scale: 'log',
      words: `${spoken('Learning rate', learningRate)}.`,
      series: [{ name: 'learning rate', look: 'quiet', points: learningRate }],
    },
    {
      title: 'Gradient norm, before clipping',
      scale: 'fitting',
      words: `${spoken('Gradient norm', gradientNorm)}.`,
      series: [
        { name: '', look: 'training', points: gradientNorm, isFaint: true },
        { name: 'smoothed', look: 'training', points: smoothed(gradientNorm) },
      ],
    },
    {
      title: 'Images per second',
      scale: 'linear',
      words: `${spoken('Images per second', imagesPerSecond)}.`,
      series: [
        { name: '', look: 'quiet', points: imagesPerSecond, isFaint: true },
        { name: 'smoothed', look: 'quiet', points: smoothed(imagesPerSecond) },
      ],
    },
  ];
}

type RateChange = Intervention & { learningRate: number };
const isRateChange = (change: Intervention): change is RateChange => change.learningRate !== undefined;

function marksText({ restarts, checkpoints, best }: History, rateChanges: readonly RateChange[]): string {
  const marks = [
    best && `the ring is the best validation (step ${best.step}, mean IoU ${score(best.meanIou)})`,
    checkpoints.length > 0 && `ticks on the axis are checkpoints (${checkpoints.length})`,
    restarts.length > 0 && `dashed lines are restarts of the coordinator (${restarts.length})`,
    rateChanges.length > 0 &&
      `dotted lines are learning rates set by hand (${listed(rateChanges.slice(0, maxNamedRates).map(({ step, learningRate }) => `${compact(learningRate)} from step ${step}`))}${rateChanges.length > maxNamedRates ? ' and more' : ''})`,
  ].filter((mark) => mark !== null && mark !== false);
  const sentence = marks.join('; ');
  return sentence === '' ? '' : `${sentence[0]!.toUpperCase()}${sentence.slice(1)}.`;
}

/** Over a twentieth of the points; gaps stay gaps. */
function smoothed(points: readonly Point[]): Point[] {
  const known = points.flatMap(([, value]) => (value === null ? [] : [value]));
  const means = smooth(known, Math.max(1, known.length / 20));
  let at = 0;
  return points.map(([step, value]) => [step, value === null ? null : means[at++]!]);
}

const stepOf = (points: readonly Point[]): number => points.at(-1)?.[0] ?? 0;

function spoken(name: string, points: readonly Point[]): string {
  const known = points.filter((point): point is [number, number] => point[1] !== null);
  const [first, last] = [known[0], known.at(-1)];
  if (!first || !last) return `${name}: no values`;
  if (known.length === 1) return `${name}: ${compact(first[1])} at step ${first[0]}`;
  return `${name}: from ${compact(first[1])} at step ${first[0]} to ${compact(last[1])} at step ${last[0]}, ${counted(known.length, 'point')}`;
}
