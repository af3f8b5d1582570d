/** Scores by class at the evaluation that the report shows, by the policy of law/metrics. */

import {
  type ClassMetrics,
  classMeans,
  classScoreNames,
  headingOf,
  type Metrics,
  metricsOf,
} from '@unet-fleet/law';
import { nameOf as classNameOf } from '@unet-fleet/pictures/models/class-map';
import { denseConfusion, occurringClasses } from '@unet-fleet/pictures/models/confusion';
import { classColour, cssColour, ignoredColour } from '@unet-fleet/pictures/models/palette';
import { sparkline } from './chart.ts';
import { type Html, html } from './html.ts';
import type { Report } from './report.ts';
import { absent, type Column, label, section, table } from './section.ts';
import { counted, percent, score, whole } from './text.ts';

/** A matrix of more classes than this is not spread out: 2,048 squared doubles are 34 MB. */
const maxDenseClasses = 2_048;

export const noEvaluation =
  'The run folder holds no evaluation that can be read: the run has not validated yet, or an older version made it.';

/** Scores and matrix of the evaluation; null where there is none, or too many classes. */
export function metricsIn({ evaluation }: Report): { metrics: Metrics; confusion: Float64Array } | null {
  if (!evaluation || evaluation.classIou.length > maxDenseClasses) return null;
  const numClasses = evaluation.classIou.length;
  const confusion = denseConfusion(evaluation.confusion, numClasses);
  return { metrics: metricsOf(confusion, numClasses), confusion };
}

export const nameOf = ({ history }: Report, classIndex: number): string =>
  classNameOf(history.classNames, classIndex);

const swatchOf = (colour: string): Html =>
  html`<svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" fill="${colour}"/></svg>`;

export const swatch = (classIndex: number): Html => swatchOf(cssColour(classColour(classIndex)));
export const ignoredSwatch: Html = swatchOf(cssColour(ignoredColour));

export const classLabel = (report: Report, classIndex: number): Html =>
  label(nameOf(report, classIndex), swatch(classIndex));

export function classesSection(report: Report): Html {
  const { evaluation, history } = report;
  const title = 'Classes';
  if (!evaluation) return section('classes', title, absent(noEvaluation));
  const scored = metricsIn(report);
  if (!scored) {
    const sentence = `The scores of ${counted(evaluation.classIou.length, 'class', 'classes')} are more than a page can show: evaluations/ in the run folder has them.`;
    return section('classes', title, absent(sentence));
  }
  const { metrics } = scored;
  const isBest = history.best?.step === evaluation.step;
  const { baseline } = metrics;
  const shown = occurringClasses(metrics.classes);
  const without = metrics.classes.filter(({ presence }) => presence === 'absent');
  return section(
    'classes',
    title,
    html`<p>Of the validation at step ${whole(evaluation.step)} (${isBest ? 'the best' : 'the last that was kept'}): ${classMeans.map(({ name, title }) => `${title} ${score(metrics[name])}`).join(', ')}, pixel accuracy ${percent(metrics.pixelAccuracy)}, over ${counted(metrics.numClassesCounted, 'class', 'classes')} and ${counted(metrics.numPixels, 'pixel')}. Who says <em>${nameOf(report, baseline.classIndex)}</em> everywhere gets mean IoU ${score(baseline.meanIou)} and pixel accuracy ${percent(baseline.pixelAccuracy)}.</p>
${table('Scores by class, those with most true pixels first', columnsOf(report, metrics), shown)}
<p class="quiet">A class that was predicted and is nowhere in the truth scores 0 and counts in the means; one that is in neither has no score and does not count.${
      without.length > 0 &&
      html` In neither (${without.length}): ${without.map(({ classIndex }) => nameOf(report, classIndex)).join(', ')}.`
    }</p>`,
  );
}

function columnsOf(report: Report, { numPixels }: Metrics): Column<ClassMetrics>[] {
  const { history } = report;
  const hasCurves = history.curves.classIou.some((curve) => curve.length > 1);
  const lastStep = history.curves.meanIou.at(-1)?.[0] ?? 1;
  // The one score that every validation keeps by class.
  const overTime: Column<ClassMetrics>[] = hasCurves
    ? [
        {
          title: 'IoU over time',
          cell: ({ classIndex }) => sparkline(history.curves.classIou[classIndex] ?? [], lastStep),
        },
      ]
    : [];
  return [
    {
      title: 'Class',
      cell: ({ classIndex, presence }) =>
        html`${classLabel(report, classIndex)}${presence === 'predicted-only' && html` <small>predicted only</small>`}`,
    },
    ...classScoreNames.flatMap((name): Column<ClassMetrics>[] => [
      {
        title: headingOf(name),
        isNumber: true,
        cell: (scored) =>
          name === 'iou' ? html`${bar(scored.iou)}${score(scored.iou)}` : score(scored[name]),
      },
      ...(name === 'iou' ? overTime : []),
    ]),
    { title: 'True pixels', isNumber: true, cell: ({ numTruthPixels }) => whole(numTruthPixels) },
    {
      title: 'Share',
      isNumber: true,
      cell: ({ numTruthPixels }) => percent(numPixels > 0 ? numTruthPixels / numPixels : null, 2),
    },
    { title: 'Predicted', isNumber: true, cell: ({ numPredictedPixels }) => whole(numPredictedPixels) },
  ];
}

const bar = (value: number | null): Html =>
  html`<svg class="bar" viewBox="0 0 50 6" preserveAspectRatio="none" aria-hidden="true"><rect class="bar-room" width="50" height="6"/><rect class="bar-value" width="${Math.round(50 * (value ?? 0) * 10) / 10}" height="6"/></svg>`;
