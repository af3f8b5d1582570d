/**
 * The course of a run in one picture: loss, mean IoU and learning rate over the steps, with the ends of epochs,
 * checkpoints and restarts marked lightly.
 */
import type { RunEvent } from '@unet-fleet/shared';
import { linearTicks, logTicks, position, type Scale, scaleAround, tickLabel } from './axes.ts';
import { circleSvg, polylineSvg, rectSvg, renderPng } from './canvas.ts';
import { type History, historyOf, smooth } from './history.ts';
import { textSvg, textWidth } from './text.ts';

const width = 1120;
const left = 84;
const plotWidth = width - left - 36;
const top = 102;
const gapPx = 44;
const blue = '#0072b2';
const vermilion = '#d55e00';
const green = '#007f5f';
const grey = '#55595f';

interface Series {
  name: string;
  colour: string;
  points: [step: number, value: number][];
  /** A dot at each point; `highlight` names the step that is drawn larger. */
  dots?: boolean;
  highlight?: number | null;
  faint?: boolean;
}

interface Panel {
  title: string;
  heightPx: number;
  scale: Scale;
  series: Series[];
}

/** PNG of a run's events, in the order they were recorded. */
export function trainingCurves(title: string, events: Iterable<RunEvent>): Promise<Buffer> {
  const history = historyOf(events);
  const lastStep = Math.max(1, history.steps.at(-1)?.step ?? 0, history.validations.at(-1)?.step ?? 0);
  const steps: Scale = { kind: 'linear', min: 0, max: lastStep };
  const panels = panelsOf(history);
  const svg = [
    textSvg(title, left, 36, { sizePx: 19, weight: 'bold', maxWidthPx: plotWidth }),
    textSvg(summaryOf(history), left, 60, { sizePx: 13, fill: grey, maxWidthPx: plotWidth }),
  ];
  let y = top;
  panels.forEach((panel, index) => {
    svg.push(...panelSvg(panel, steps, y, history, index === panels.length - 1));
    y += panel.heightPx + gapPx;
  });
  return renderPng({ width, height: y + 34, layers: [], svg });
}

function panelsOf({ steps, validations }: History): Panel[] {
  const raw = steps.map(({ loss }) => loss);
  const smoothed = smooth(raw, Math.max(1, steps.length / 40));
  const best = validations.findLast(({ isBest }) => isBest)?.step ?? null;
  const rates = steps.map(({ learningRate }) => learningRate);
  const ious = validations.map(({ meanIou }) => meanIou);
  return [
    {
      title: 'loss',
      heightPx: 330,
      scale: lossScale(raw, [...smoothed, ...validations.map(({ loss }) => loss)]),
      series: [
        { name: '', colour: blue, faint: true, points: thinned(steps.map(({ step, loss }) => [step, loss])) },
        {
          name: 'training, smoothed (faint: each step)',
          colour: blue,
          points: thinned(steps.map(({ step }, index) => [step, smoothed[index]!])),
        },
        {
          name: best === null ? 'validation' : 'validation (ringed: best)',
          colour: vermilion,
          dots: true,
          highlight: best,
          points: validations.map(({ step, loss }) => [step, loss]),
        },
      ],
    },
    {
      title: 'validation mean IoU',
      heightPx: 170,
      scale: { kind: 'linear', min: 0, max: Math.min(1, Math.max(0.1, ...ious) * 1.12) },
      series: [
        {
          name: '',
          colour: green,
          dots: true,
          highlight: best,
          points: validations.map(({ step, meanIou }) => [step, meanIou]),
        },
      ],
    },
    {
      title: 'learning rate',
      heightPx: 120,
      scale: scaleAround(rates, 'log'),
      series: [
        {
          name: '',
          colour: grey,
          points: thinned(steps.map(({ step, learningRate }) => [step, learningRate])),
        },
      ],
    },
  ];
}

/** Fits what matters; the faint single steps may leave the panel at the top, so that one spike hides nothing. */
function lossScale(raw: number[], shown: number[]): Scale {
  const sorted = raw.toSorted((a, b) => a - b);
  const typical = [0.01, 0.98]
    .map((share) => sorted[Math.floor(share * (sorted.length - 1))])
    .filter(isNumber);
  const values = [...shown, ...typical];
  const positive = values.filter((value) => value > 0);
  const isWide = positive.length > 0 && Math.max(...positive) / Math.min(...positive) > 20;
  return scaleAround(values, isWide ? 'log' : 'linear');
}

const isNumber = (value: number | undefined): value is number => value !== undefined;

/** At most two points (lowest and highest) for each pixel column, as more could not be seen. */
function thinned(points: [number, number][]): [number, number][] {
  const perBin = Math.ceil(points.length / plotWidth);
  if (perBin <= 2) return points;
  const kept: [number, number][] = [];
  for (let start = 0; start < points.length; start += perBin) {
    const bin = points.slice(start, start + perBin);
    const low = bin.reduce((a, b) => (b[1] < a[1] ? b : a));
    const high = bin.reduce((a, b) => (b[1] > a[1] ? b : a));
    kept.push(...(low[0] <= high[0] ? [low, high] : [high, low]));
  }
  return kept;
}

function panelSvg(panel: Panel, steps: Scale, y: number, history: History, isLast: boolean): string[] {
  const { scale, heightPx } = panel;
  const xOf = (step: number) => left + position(steps, step) * plotWidth;
  const yOf = (value: number) => y + (1 - clamp(position(scale, value))) * heightPx;
  const name = scale.kind === 'log' ? `${panel.title} (log)` : panel.title;
  const svg = [textSvg(name, left, y - 9, { sizePx: 13, weight: 'bold' }), ...legendOf(panel.series, y - 9)];
  const ticksOf = scale.kind === 'log' ? logTicks : linearTicks;
  const ticks = ticksOf(scale.min, scale.max, heightPx / 34);
  for (const tick of ticks) {
    svg.push(line(left, yOf(tick), left + plotWidth, yOf(tick), '#e4e6e9'));
    svg.push(textSvg(tickLabel(tick), left - 8, yOf(tick) + 4, { sizePx: 12, anchor: 'end', fill: grey }));
  }
  svg.push(...marksSvg(history, xOf, y, heightPx));
  for (const series of panel.series) svg.push(...seriesSvg(series, xOf, yOf));
  svg.push(rectSvg(left, y, plotWidth, heightPx, { stroke: '#a6a9ad' }));
  for (const tick of linearTicks(0, steps.max, 10)) {
    if (!Number.isInteger(tick)) continue;
    svg.push(line(xOf(tick), y + heightPx, xOf(tick), y + heightPx + 5, '#a6a9ad'));
    const style = { sizePx: 12, anchor: 'middle' as const, fill: grey };
    if (isLast) svg.push(textSvg(tickLabel(tick), xOf(tick), y + heightPx + 19, style));
  }
  if (isLast) {
    const style = { sizePx: 13, anchor: 'middle' as const, weight: 'bold' as const };
    svg.push(textSvg('step', left + plotWidth / 2, y + heightPx + 40, style));
  }
  return svg;
}

/** Ends of epochs as light lines, restarts dashed, checkpoints as ticks inside the lower edge. */
function marksSvg(history: History, xOf: (step: number) => number, y: number, heightPx: number): string[] {
  const bottom = y + heightPx;
  const every = Math.ceil(history.epochEnds.length / 24);
  const epochs = history.epochEnds.filter(({ epoch }) => epoch % every === 0);
  return [
    ...epochs.map(({ step }) => line(xOf(step), y, xOf(step), bottom, '#eef0f2')),
    ...history.restarts.map((step) =>
      polylineSvg(
        [
          [xOf(step), y],
          [xOf(step), bottom],
        ],
        { stroke: '#9467bd', opacity: 0.7, dash: '5 4' },
      ),
    ),
    ...history.checkpoints.map((step) => line(xOf(step), bottom - 7, xOf(step), bottom, '#7a7e83')),
  ];
}

function seriesSvg(series: Series, xOf: (step: number) => number, yOf: (value: number) => number): string[] {
  const { colour, points, dots = false, highlight, faint = false } = series;
  const drawn = points.map(([step, value]): [number, number] => [xOf(step), yOf(value)]);
  const svg = faint
    ? [polylineSvg(drawn, { stroke: colour, opacity: 0.25 })]
    : [polylineSvg(drawn, { stroke: colour, widthPx: 2 })];
  if (drawn.length === 1 && !dots) svg.push(circleSvg(...drawn[0]!, 2, colour));
  if (!dots) return svg;
  const radius = points.length > 60 ? 1.5 : 3.5;
  points.forEach(([step], index) => {
    const [x, y] = drawn[index]!;
    if (step === highlight) svg.push(circleSvg(x, y, 8, colour), circleSvg(x, y, 6, '#ffffff'));
    svg.push(circleSvg(x, y, radius, colour));
  });
  return svg;
}

function legendOf(series: Series[], baseline: number): string[] {
  let right = left + plotWidth;
  const svg: string[] = [];
  for (const { name, colour } of series.filter((each) => each.name !== '').toReversed()) {
    right -= textWidth(name, { sizePx: 12 });
    svg.push(textSvg(name, right, baseline, { sizePx: 12, fill: grey }));
    svg.push(
      polylineSvg(
        [
          [right - 26, baseline - 4],
          [right - 8, baseline - 4],
        ],
        { stroke: colour, widthPx: 3 },
      ),
    );
    right -= 44;
  }
  return svg;
}

function summaryOf({ steps, validations, epochEnds, checkpoints, restarts }: History): string {
  const last = validations.at(-1);
  const numEpochs = epochEnds.at(-1)?.epoch ?? 0;
  return [
    steps.length === 0
      ? 'no steps yet'
      : `${steps.at(-1)!.step} steps, ${plural(numEpochs, 'epoch')} (light lines)`,
    last && `last validation: loss ${last.loss.toPrecision(3)}, mean IoU ${last.meanIou.toFixed(3)}`,
    checkpoints.length > 0 && `${plural(checkpoints.length, 'checkpoint')} (ticks)`,
    restarts.length > 0 && `resumed ${restarts.length === 1 ? 'once' : `${restarts.length} times`} (dashed)`,
  ]
    .filter(Boolean)
    .join(' · ');
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

const line = (x1: number, y1: number, x2: number, y2: number, stroke: string): string =>
  polylineSvg(
    [
      [x1, y1],
      [x2, y2],
    ],
    { stroke },
  );
