/** How uPlot draws a chart: axes in the theme's colours, marks of what happened, one selection that zooms. */

import { logTicks } from '@unet-fleet/pictures/models/axes';
import { figure, percentage, percentTicks } from '@unet-fleet/pictures/models/curves';
import type uPlot from 'uplot';
import type { ChartProps, Marks, Series } from './chart-props.ts';

interface OptionsOf {
  width: number;
  height: number;
  /** The properties as they are when something is drawn or told. */
  latest: () => ChartProps;
}

/** Fewer than this are no drag but a click. */
const minSelectPx = 6;

export function chartOptions({ width, height, latest }: OptionsOf): uPlot.Options {
  const { series, isLog, format } = latest();
  return {
    width,
    height,
    legend: { show: false },
    padding: [8, 12, 0, 0],
    scales: { x: { time: false, auto: false }, y: { distr: isLog ? 3 : 1 } },
    axes: [
      axis({
        size: 26,
        gap: 3,
        space: 60,
        values: (_, steps) => steps.map((step) => (step % 1 === 0 ? String(step) : '')),
      }),
      axis({
        size: 58,
        space: isLog ? 22 : 32,
        ...(isLog && { splits: (_, _axis, min, max) => logTicks(min, max, 7), filter: (_, ticks) => ticks }),
        values: (_, ticks) => (format === percentage ? percentTicks(ticks) : ticks.map(format)),
      }),
    ],
    series: [{}, ...series.map(lineOf)],
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
      // A double click shows everything, below; uPlot's own would leave the other charts behind.
      bind: {
        dblclick: () => () => {
          latest().onRange(null);
          return null;
        },
      },
    },
    hooks: {
      setCursor: [
        (plot) => {
          const { left } = plot.cursor;
          const isInside = left !== undefined && left !== null && left >= 0;
          latest().onCursor(isInside ? Math.round(plot.posToVal(left, 'x')) : null);
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width: selected } = plot.select;
          if (selected === 0) return;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          if (selected < minSelectPx) return;
          const [from, to] = [left, left + selected].map((at) => Math.round(plot.posToVal(at, 'x')));
          latest().onRange({ from: from!, to: Math.max(to!, from! + 1) });
        },
      ],
      drawClear: [(plot) => drawMarks(plot, latest().marks)],
    },
  };
}

function lineOf({ name, colour, look }: Series): uPlot.Series {
  return {
    label: name,
    stroke: () => themed(colour),
    width: look === 'faint' ? 1 : 2,
    alpha: look === 'faint' ? 0.45 : 1,
    points: { show: look === 'dots', size: 6, fill: () => themed(colour) },
  };
}

function axis(options: uPlot.Axis): uPlot.Axis {
  return {
    stroke: () => themed('--text-quiet'),
    grid: { stroke: () => themed('--border'), width: 1 },
    ticks: { stroke: () => themed('--border'), width: 1, size: 4 },
    font: '12px system-ui, sans-serif',
    ...options,
  };
}

/** A colour, or what the theme of this moment has for a custom property. */
function themed(colour: string): string {
  if (!colour.startsWith('--')) return colour;
  return getComputedStyle(document.documentElement).getPropertyValue(colour).trim() || '#888';
}

/** Lines where the run went on after a restart and where the rate was changed; small triangles at checkpoints. */
function drawMarks(plot: uPlot, { restarts, checkpoints, rateChanges }: Marks): void {
  const { ctx, bbox } = plot;
  const bottom = bbox.top + bbox.height;
  const inView = (steps: readonly number[]) =>
    steps
      .filter((step) => step >= plot.scales.x!.min! && step <= plot.scales.x!.max!)
      .map((step) => Math.round(plot.valToPos(step, 'x', true)));
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  for (const [steps, colour] of [
    [restarts, '--warn'],
    [rateChanges, '--accent'],
  ] as const) {
    ctx.strokeStyle = themed(colour);
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const x of inView(steps)) {
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bottom);
      ctx.stroke();
    }
  }
  ctx.fillStyle = themed('--good');
  const size = 4 * devicePixelRatio;
  let drawnTo = Number.NEGATIVE_INFINITY;
  for (const x of inView(checkpoints)) {
    // Of a crowd some are enough: all of them would be a stripe.
    if (x - drawnTo < 4 * size) continue;
    drawnTo = x;
    ctx.beginPath();
    ctx.moveTo(x - size, bottom);
    ctx.lineTo(x + size, bottom);
    ctx.lineTo(x, bottom - 1.6 * size);
    ctx.fill();
  }
  ctx.restore();
}

/** The marks in words. */
export function drawnMarks({ restarts, checkpoints, rateChanges }: Marks): string[] {
  const words: string[] = [];
  if (restarts.length > 0) words.push(`Started again at step ${restarts.map(figure).join(', ')}`);
  if (rateChanges.length > 0)
    words.push(`Learning rate changed at step ${rateChanges.map(figure).join(', ')}`);
  if (checkpoints.length > 0)
    words.push(`${checkpoints.length} checkpoints, the newest at step ${checkpoints.at(-1)}`);
  return words;
}
