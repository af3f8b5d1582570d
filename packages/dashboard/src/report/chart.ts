/**
 * A chart as inline SVG: sharp at any size, coloured by the page's style so that it fits light, dark and paper. Drawn for
 * a width that a phone shows nearly as it is; text in it has to stay readable there.
 */
import {
  linearTicks,
  logTicks,
  position,
  type Scale,
  scaleAround,
  tickLabel,
} from '@unet-fleet/pictures/axes';
import type { Point } from '../protocol.ts';
import { type Html, html } from './html.ts';

export interface Series {
  name: string;
  /** Class of the page's style that gives the colour. */
  look: 'training' | 'validation' | 'score' | 'accuracy' | 'quiet';
  points: readonly Point[];
  /** Drawn pale and left out of the scale's ends, such as single steps behind their mean. */
  isFaint?: boolean;
  /** A dot at each point. */
  hasDots?: boolean;
}

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
  scale: 'linear' | 'log' | 'share' | 'fitting';
  lastStep: number;
  marks: Marks;
  /** One sentence for who does not see it. */
  words: string;
}

const width = 460;
const height = 236;
const left = 50;
const right = width - 12;
const top = 12;
const bottom = height - 36;

export function chartFigure(chart: Chart): Html {
  const { title, series, marks, words } = chart;
  const steps: Scale = { kind: 'linear', min: 0, max: Math.max(1, chart.lastStep) };
  const scale = scaleOf(chart);
  const x = (step: number) => left + position(steps, step) * (right - left);
  const y = (value: number) => bottom - clamp(position(scale, value)) * (bottom - top);
  const named = series.filter(({ name }) => name !== '');
  return html`<figure class="chart">
<figcaption><h3>${title}${scale.kind === 'log' && ' (logarithmic)'}</h3>${named.length > 1 && legendOf(named)}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${words}">
${gridOf(scale, y)}${stepAxis(steps, x)}
${marksOf(marks, x)}
<g fill="none">${series.map((one) => lineOf(one, x, y, scale))}</g>
${series.filter(({ hasDots }) => hasDots).map((one) => dotsOf(one, x, y, scale, marks.best))}
</svg>
</figure>`;
}

function scaleOf({ scale, series }: Chart): Scale {
  const values = series.flatMap(({ points, isFaint }) => {
    const own = points.flatMap(([, value]) => (value === null ? [] : [value]));
    if (!isFaint) return own;
    const sorted = own.toSorted((a, b) => a - b);
    // One spike among single steps hides nothing.
    return [0.01, 0.98].flatMap((share) => sorted[Math.floor(share * (sorted.length - 1))] ?? []);
  });
  if (scale === 'share') {
    return { kind: 'linear', min: 0, max: Math.min(1, Math.max(0.1, largest(values)) * 1.1) };
  }
  if (scale !== 'fitting') return scaleAround(values, scale);
  const positive = values.filter((value) => value > 0);
  const isWide = positive.length === values.length && largest(positive) / smallest(positive) > 20;
  return scaleAround(values, isWide ? 'log' : 'linear');
}

function gridOf(scale: Scale, y: (value: number) => number): Html {
  const ticks = (scale.kind === 'log' ? logTicks : linearTicks)(scale.min, scale.max, 6);
  return html`<g class="grid">${ticks.map(
    (tick) =>
      html`<path d="M${left} ${round(y(tick))}H${right}"/><text x="${left - 6}" y="${round(y(tick) + 4)}" text-anchor="end">${tickLabel(tick)}</text>`,
  )}</g>`;
}

function stepAxis(steps: Scale, x: (step: number) => number): Html {
  const ticks = linearTicks(0, steps.max, 6).filter(Number.isInteger);
  return html`<g class="axis"><path d="M${left} ${bottom}H${right}"/>${ticks.map(
    (tick) =>
      html`<path d="M${round(x(tick))} ${bottom}v4"/><text x="${round(x(tick))}" y="${bottom + 17}" text-anchor="middle">${tickLabel(tick)}</text>`,
  )}<text x="${right}" y="${height - 4}" text-anchor="end">step</text></g>`;
}

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

type Place = (value: number) => number;

function lineOf({ points, look, isFaint }: Series, x: Place, y: Place, scale: Scale): Html {
  let data = '';
  let isBroken = true;
  for (const [step, value] of points) {
    if (value === null || !fits(scale, value)) {
      isBroken = true;
      continue;
    }
    data += `${isBroken ? 'M' : 'L'}${round(x(step))} ${round(y(value))}`;
    isBroken = false;
  }
  return data === '' ? html`` : html`<path class="line ${look}${isFaint && ' faint'}" d="${data}"/>`;
}

function dotsOf({ points, look }: Series, x: Place, y: Place, scale: Scale, best: number | null): Html {
  const shown = points.filter(
    (point): point is [number, number] => point[1] !== null && fits(scale, point[1]),
  );
  const radius = shown.length > 80 ? 1.4 : 2.6;
  return html`<g class="dots ${look}">${shown.map(([step, value]) => {
    const [cx, cy] = [round(x(step)), round(y(value))];
    const ring = step === best && html`<circle class="ring" cx="${cx}" cy="${cy}" r="6"/>`;
    return html`${ring}<circle cx="${cx}" cy="${cy}" r="${radius}"/>`;
  })}</g>`;
}

const legendOf = (series: readonly Series[]): Html =>
  html`<p class="legend">${series.map(
    ({ name, look }) =>
      html`<span><svg class="key" viewBox="0 0 18 8" aria-hidden="true"><path class="line ${look}" d="M1 4H17"/></svg>${name}</span>`,
  )}</p>`;

/** A small curve between 0 and 1 without axes, for a cell of a table. */
export function sparkline(points: readonly Point[], lastStep: number): Html {
  const x = (step: number) => round(1 + (78 * step) / Math.max(1, lastStep));
  const y = (value: number) => round(17 - 16 * clamp(value));
  let data = '';
  let isBroken = true;
  for (const [step, value] of points) {
    if (value !== null) data += `${isBroken ? 'M' : 'L'}${x(step)} ${y(value)}`;
    isBroken = value === null;
  }
  const last = points.findLast(([, value]) => value !== null);
  if (!last) return html``;
  return html`<svg class="spark" viewBox="0 0 80 18" aria-hidden="true"><path d="${data}"/><circle cx="${x(last[0])}" cy="${y(last[1]!)}" r="1.8"/></svg>`;
}

const fits = (scale: Scale, value: number): boolean => scale.kind === 'linear' || value > 0;
const round = (value: number): number => Math.round(value * 10) / 10;
const clamp = (value: number): number => Math.min(1, Math.max(0, value));
const largest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), -Infinity);
const smallest = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity);
