/**
 * The course of a run in one picture: loss, mean IoU and learning rate over the steps, with the ends of epochs,
 * checkpoints and restarts marked lightly.
 */
import { counted, type KnownEvent } from '@unet-fleet/law';
import { circleSvg, polylineSvg, rectSvg, renderPng, type StrokeStyle } from './canvas.ts';
import { type History, historyOf } from './history.ts';
import {
  type ChartLayout,
  layOutChart,
  type ScaleKind,
  type Series,
  scaleOf,
  type Tone,
} from './models/chart.ts';
import { type Point, smoothed, weightOver } from './models/curves.ts';
import { textSvg, textWidth } from './text.ts';

const width = 1120;
const left = 84;
const plotWidth = width - left - 36;
const top = 102;
const gapPx = 44;
const grey = '#55595f';
const colours: Record<Tone, string> = {
  training: '#0072b2',
  validation: '#d55e00',
  score: '#007f5f',
  accuracy: '#cc79a7',
  quiet: grey,
};
/** Air above the largest share, for the ring of the best. */
const headroom = 1.12;

interface Panel {
  title: string;
  heightPx: number;
  scale: ScaleKind;
  series: Series[];
}

/** PNG of a run's events that stand, in the order they were recorded. */
export function trainingCurves(title: string, events: Iterable<KnownEvent>): Promise<Buffer> {
  const history = historyOf(events);
  const lastStep = Math.max(1, history.steps.at(-1)?.step ?? 0, history.validations.at(-1)?.step ?? 0);
  const best = history.validations.findLast(({ isBest }) => isBest)?.step ?? null;
  const panels = panelsOf(history, best);
  const svg = [
    textSvg(title, left, 36, { sizePx: 19, weight: 'bold', maxWidthPx: plotWidth }),
    textSvg(summaryOf(history), left, 60, { sizePx: 13, fill: grey, maxWidthPx: plotWidth }),
  ];
  let y = top;
  panels.forEach((panel, index) => {
    svg.push(...panelSvg(panel, { y, lastStep, best, history, isLast: index === panels.length - 1 }));
    y += panel.heightPx + gapPx;
  });
  return renderPng({ width, height: y + 34, layers: [], svg });
}

function panelsOf({ steps, validations }: History, best: number | null): Panel[] {
  const losses = steps.map(({ step, loss }): Point => [step, loss]);
  return [
    {
      title: 'loss',
      heightPx: 330,
      scale: 'fitting',
      series: [
        { name: '', tone: 'training', isFaint: true, points: losses },
        {
          name: 'training, smoothed (faint: each step)',
          tone: 'training',
          points: smoothed(losses, weightOver(steps.length / 40)),
        },
        {
          name: best === null ? 'validation' : 'validation (ringed: best)',
          tone: 'validation',
          hasDots: true,
          points: validations.map(({ step, loss }) => [step, loss]),
        },
      ],
    },
    {
      title: 'validation mean IoU',
      heightPx: 170,
      scale: 'share',
      series: [
        {
          name: '',
          tone: 'score',
          hasDots: true,
          points: validations.map(({ step, meanIou }) => [step, meanIou]),
        },
      ],
    },
    {
      title: 'learning rate',
      heightPx: 120,
      scale: 'log',
      series: [
        { name: '', tone: 'quiet', points: steps.map(({ step, learningRate }) => [step, learningRate]) },
      ],
    },
  ];
}

/** At most two points (lowest and highest) for each pixel column, as more could not be seen. */
function thinned(points: readonly Point[]): readonly Point[] {
  const perBin = Math.ceil(points.length / plotWidth);
  if (perBin <= 2) return points;
  const kept: Point[] = [];
  for (let start = 0; start < points.length; start += perBin) {
    const bin = points.slice(start, start + perBin);
    const low = bin.reduce((a, b) => (b[1]! < a[1]! ? b : a));
    const high = bin.reduce((a, b) => (b[1]! > a[1]! ? b : a));
    kept.push(...(low[0] <= high[0] ? [low, high] : [high, low]));
  }
  return kept;
}

interface PanelPlace {
  y: number;
  lastStep: number;
  best: number | null;
  history: History;
  isLast: boolean;
}

function panelSvg(panel: Panel, { y, lastStep, best, history, isLast }: PanelPlace): string[] {
  const { heightPx } = panel;
  const right = left + plotWidth;
  const bottom = y + heightPx;
  const scale = scaleOf(panel.scale, panel.series, headroom);
  const series = panel.series.map((one) => (one.hasDots ? one : { ...one, points: thinned(one.points) }));
  const numTicks = { steps: 10, values: heightPx / 34 };
  const { x, stepTicks, valueTicks, curves } = layOutChart(series, scale, lastStep, {
    left,
    right,
    top: y,
    bottom,
    numTicks,
  });
  const name = scale.kind === 'log' ? `${panel.title} (log)` : panel.title;
  const svg = [textSvg(name, left, y - 9, { sizePx: 13, weight: 'bold' }), ...legendOf(panel.series, y - 9)];
  for (const { at, label } of valueTicks) {
    svg.push(line(left, at, right, at, '#e4e6e9'));
    svg.push(textSvg(label, left - 8, at + 4, { sizePx: 12, anchor: 'end', fill: grey }));
  }
  svg.push(...marksSvg(history, x, y, bottom));
  for (const curve of curves) svg.push(...curveSvg(curve, best));
  svg.push(rectSvg(left, y, plotWidth, heightPx, { stroke: '#a6a9ad' }));
  for (const { at, label } of stepTicks) {
    svg.push(line(at, bottom, at, bottom + 5, '#a6a9ad'));
    const style = { sizePx: 12, anchor: 'middle' as const, fill: grey };
    if (isLast) svg.push(textSvg(label, at, bottom + 19, style));
  }
  if (isLast) {
    const style = { sizePx: 13, anchor: 'middle' as const, weight: 'bold' as const };
    svg.push(textSvg('step', left + plotWidth / 2, bottom + 40, style));
  }
  return svg;
}

/** Ends of epochs as light lines, restarts dashed, checkpoints as ticks inside the lower edge. */
function marksSvg(history: History, xOf: (step: number) => number, y: number, bottom: number): string[] {
  const every = Math.ceil(history.epochEnds.length / 24);
  const epochs = history.epochEnds.filter(({ epoch }) => epoch % every === 0);
  return [
    ...epochs.map(({ step }) => line(xOf(step), y, xOf(step), bottom, '#eef0f2')),
    ...history.restarts.map((step) =>
      line(xOf(step), y, xOf(step), bottom, '#9467bd', { opacity: 0.7, dash: '5 4' }),
    ),
    ...history.checkpoints.map((step) => line(xOf(step), bottom - 7, xOf(step), bottom, '#7a7e83')),
  ];
}

function curveSvg(
  { tone, isFaint, hasDots, stretches, dots }: ChartLayout['curves'][number],
  best: number | null,
): string[] {
  const colour = colours[tone];
  const look = isFaint ? { opacity: 0.25 } : { widthPx: 2 };
  const svg = stretches.map((stretch) => polylineSvg(stretch, { stroke: colour, ...look }));
  for (const stretch of stretches) {
    if (stretch.length === 1 && !hasDots) svg.push(circleSvg(...stretch[0]!, 2, colour));
  }
  const radius = dots.length > 60 ? 1.5 : 3.5;
  for (const { step, x, y } of dots) {
    if (step === best) svg.push(circleSvg(x, y, 8, colour), circleSvg(x, y, 6, '#ffffff'));
    svg.push(circleSvg(x, y, radius, colour));
  }
  return svg;
}

function legendOf(series: Series[], baseline: number): string[] {
  let right = left + plotWidth;
  const svg: string[] = [];
  for (const { name, tone } of series.filter((each) => each.name !== '').toReversed()) {
    right -= textWidth(name, { sizePx: 12 });
    svg.push(textSvg(name, right, baseline, { sizePx: 12, fill: grey }));
    svg.push(line(right - 26, baseline - 4, right - 8, baseline - 4, colours[tone], { widthPx: 3 }));
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
      : `${steps.at(-1)!.step} steps, ${counted(numEpochs, 'epoch')} (light lines)`,
    last && `last validation: loss ${last.loss.toPrecision(3)}, mean IoU ${last.meanIou.toFixed(3)}`,
    checkpoints.length > 0 && `${counted(checkpoints.length, 'checkpoint')} (ticks)`,
    restarts.length > 0 && `resumed ${restarts.length === 1 ? 'once' : `${restarts.length} times`} (dashed)`,
  ]
    .filter(Boolean)
    .join(' · ');
}

const line = (
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  stroke: string,
  look: Partial<StrokeStyle> = {},
): string =>
  polylineSvg(
    [
      [x1, y1],
      [x2, y2],
    ],
    { stroke, ...look },
  );
