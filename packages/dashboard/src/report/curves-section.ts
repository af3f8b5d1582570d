/** Loss, scores, learning rate and gradient norm over the steps, with what happened to the run marked in each. */

import type { Intervention } from '@unet-fleet/law';
import type { Series } from '@unet-fleet/pictures/models/chart';
import { type CourseCurve, courseCharts } from '@unet-fleet/pictures/models/course-charts';
import { curveInWords, isKnown, type Point, smoothed, weightOver } from '@unet-fleet/pictures/models/curves';
import type { History } from '../protocol.ts';
import { type Chart, chartFigure, type Marks } from './chart.ts';
import { type Html, html } from './html.ts';
import type { Report } from './report.ts';
import { absent, section } from './section.ts';
import { compact, listed, score } from './text.ts';

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

const chartsOf = ({ curves, best }: History): Omit<Chart, 'lastStep' | 'marks'>[] =>
  courseCharts.map((chart) => {
    const hasBest = best && chart.curves.some(({ kind }) => kind === 'validation');
    const words = chart.curves.map(({ name, curve }) => curveInWords(name, curves[curve], compact));
    return {
      title: chart.remark ? `${chart.title}, ${chart.remark}` : chart.title,
      scale: chart.scale,
      words: `${words.join('; ')}${hasBest ? `; best at step ${best.step}` : ''}.`,
      series: chart.curves.flatMap((one) => seriesOf(one, curves[one.curve])),
    };
  });

/** Single steps pale behind their mean over a twentieth of them. */
function seriesOf({ name, short = name, tone, kind }: CourseCurve, points: readonly Point[]): Series[] {
  // Of two scores the second is told apart by its dashes, which dots would hide.
  if (kind !== 'step')
    return [{ name: short, tone, points, hasDots: kind === 'validation' && tone !== 'accuracy' }];
  const weight = weightOver(points.filter(isKnown).length / 20);
  return [
    { name: '', tone, points, isFaint: true },
    { name: `${short}, smoothed`, tone, points: smoothed(points, weight) },
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

const stepOf = (points: readonly Point[]): number => points.at(-1)?.[0] ?? 0;
