/**
 * A chart as inline SVG: sharp at any size, coloured by the page's style so that it fits light, dark and paper. Drawn for
 * a width that a phone shows nearly as it is; text in it has to stay readable there.
 */
import {
  type ChartLayout,
  layOutChart,
  type ScaleKind,
  type Series,
  scaleOf,
} from '@unet-fleet/pictures/models/chart';
import { lastPoint, type Point, pathOf, stretchesOf } from '@unet-fleet/pictures/models/curves';
import { type Html, html } from './html.ts';

/** What is marked in every chart. */
export interface Marks {
  restarts: readonly number[];
  checkpoints: readonly number[];
  rateChanges: readonly number[];
  /** Step with the best validation. */
  best: number | null;
}

export interface Chart {
  title: string;
  series: readonly Series[];
  scale: ScaleKind;
  lastStep: number;
  marks: Marks;
  /** One sentence for who does not see it. */
  words: string;
}

const width = 460;
const height = 236;
const frame = {
  left: 50,
  right: width - 12,
  top: 12,
  bottom: height - 36,
  numTicks: { steps: 6, values: 6 },
};
const { left, right, top, bottom } = frame;

export function chartFigure({ title, series, marks, words, lastStep, ...chart }: Chart): Html {
  const scale = scaleOf(chart.scale, series);
  const layout = layOutChart(series, scale, lastStep, frame);
  const { curves } = layout;
  const named = series.filter(({ name }) => name !== '');
  return html`<figure class="chart">
<figcaption><h3>${title}${scale.kind === 'log' && ' (logarithmic)'}</h3>${named.length > 1 && legendOf(named)}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${words}">
${axesOf(layout)}
${marksOf(marks, layout.x)}
<g fill="none">${curves.map(lineOf)}</g>
${curves.filter(({ hasDots }) => hasDots).map((curve) => dotsOf(curve, marks.best))}
</svg>
</figure>`;
}

const axesOf = ({ valueTicks, stepTicks }: ChartLayout): Html =>
  html`<g class="grid">${valueTicks.map(
    ({ at, label }) =>
      html`<path d="M${left} ${round(at)}H${right}"/><text x="${left - 6}" y="${round(at + 4)}" text-anchor="end">${label}</text>`,
  )}</g><g class="axis"><path d="M${left} ${bottom}H${right}"/>${stepTicks.map(
    ({ at, label }) =>
      html`<path d="M${round(at)} ${bottom}v4"/><text x="${round(at)}" y="${bottom + 17}" text-anchor="middle">${label}</text>`,
  )}<text x="${right}" y="${height - 4}" text-anchor="end">step</text></g>`;

/** Restarts dashed, changed rates dotted, checkpoints as ticks on the axis. */
function marksOf({ restarts, checkpoints, rateChanges }: Marks, x: (step: number) => number): Html {
  const lines = (steps: readonly number[], from: number) =>
    steps.map((step) => `M${round(x(step))} ${from}V${bottom}`).join('');
  return html`<g class="marks">${restarts.length > 0 && html`<path class="restart" d="${lines(restarts, top)}"/>`}${
    rateChanges.length > 0 && html`<path class="rate-change" d="${lines(rateChanges, top)}"/>`
  }${checkpoints.length > 0 && html`<path class="checkpoint" d="${lines(thinned(checkpoints), bottom - 6)}"/>`}</g>`;
}

/** At most so many ticks as can be told apart. */
function thinned(steps: readonly number[]): number[] {
  const every = Math.ceil(steps.length / 120);
  return steps.filter((_, index) => index % every === 0);
}

type Curve = ChartLayout['curves'][number];

const lineOf = ({ tone, isFaint, stretches }: Curve): Html =>
  stretches.length === 0
    ? html``
    : html`<path class="line ${tone}${isFaint && ' faint'}" d="${pathOf(stretches)}"/>`;

function dotsOf({ tone, dots }: Curve, best: number | null): Html {
  const radius = dots.length > 80 ? 1.4 : 2.6;
  return html`<g class="dots ${tone}">${dots.map(({ step, x, y }) => {
    const [cx, cy] = [round(x), round(y)];
    const ring = step === best && html`<circle class="ring" cx="${cx}" cy="${cy}" r="6"/>`;
    return html`${ring}<circle cx="${cx}" cy="${cy}" r="${radius}"/>`;
  })}</g>`;
}

const legendOf = (series: readonly Series[]): Html =>
  html`<p class="legend">${series.map(
    ({ name, tone }) =>
      html`<span><svg class="key" viewBox="0 0 18 8" aria-hidden="true"><path class="line ${tone}" d="M1 4H17"/></svg>${name}</span>`,
  )}</p>`;

/** A small curve between 0 and 1 without axes, for a cell of a table. */
export function sparkline(points: readonly Point[], lastStep: number): Html {
  const x = (step: number) => 1 + (78 * step) / Math.max(1, lastStep);
  const y = (value: number) => 17 - 16 * Math.min(1, Math.max(0, value));
  const last = lastPoint(points);
  if (!last) return html``;
  return html`<svg class="spark" viewBox="0 0 80 18" aria-hidden="true"><path d="${pathOf(stretchesOf(points, x, y))}"/><circle cx="${round(x(last[0]))}" cy="${round(y(last[1]))}" r="1.8"/></svg>`;
}

const round = (value: number): number => Math.round(value * 10) / 10;
