/**
 * A chart over steps as what is to be drawn: values in, places and labels out. Who draws it, a picture or the report, gives
 * the frame and has a look for each tone. Pure.
 */
import { linearTicks, logTicks, position, type Scale, scaleAround, tickLabel } from './axes.ts';
import { isKnown, type Place, type Point, positive, stretchesOf } from './curves.ts';

export type Tone = 'training' | 'validation' | 'score' | 'accuracy' | 'quiet';

export interface Series {
  /** '' has no place in the legend. */
  name: string;
  tone: Tone;
  points: readonly Point[];
  /** Drawn pale and left out of the scale's ends, such as single steps behind their mean. */
  isFaint?: boolean;
  /** A dot at each point. */
  hasDots?: boolean;
}

/** share: from 0 to at most 1 · fitting: logarithmic where the values are positive and far apart. */
export type ScaleKind = 'linear' | 'log' | 'share' | 'fitting';

/** A scale on which all series have room. `headroom`: of a share, above its largest value. */
export function scaleOf(kind: ScaleKind, series: readonly Series[], headroom = 1.1): Scale {
  const values = series.flatMap(({ points, isFaint }) => {
    const own = points.filter(isKnown).map(([, value]) => value);
    if (!isFaint) return own;
    const sorted = own.toSorted((a, b) => a - b);
    // One spike among single steps hides nothing.
    return [0.01, 0.98].flatMap((share) => sorted[Math.floor(share * (sorted.length - 1))] ?? []);
  });
  const largest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const smallest = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  if (kind === 'share')
    return { kind: 'linear', min: 0, max: Math.min(1, Math.max(0.1, largest) * headroom) };
  if (kind !== 'fitting') return scaleAround(values, kind);
  return scaleAround(values, smallest > 0 && largest / smallest > 20 ? 'log' : 'linear');
}

/** Where the curves lie, in pixels, and about how many ticks its axes have. */
export interface Frame {
  left: number;
  right: number;
  top: number;
  bottom: number;
  numTicks: { steps: number; values: number };
}

export interface Tick {
  /** Along its axis, in pixels. */
  at: number;
  label: string;
}

export interface ChartLayout {
  x: (step: number) => number;
  stepTicks: Tick[];
  valueTicks: Tick[];
  curves: (Series & { stretches: Place[][]; dots: { step: number; x: number; y: number }[] })[];
}

/** Places of the series from step 0 to `lastStep`; what lies outside the scale is drawn at its end. */
export function layOutChart(
  series: readonly Series[],
  scale: Scale,
  lastStep: number,
  { left, right, top, bottom, numTicks }: Frame,
): ChartLayout {
  const steps: Scale = { kind: 'linear', min: 0, max: Math.max(1, lastStep) };
  const x = (step: number) => left + position(steps, step) * (right - left);
  const y = (value: number) => bottom - Math.min(1, Math.max(0, position(scale, value))) * (bottom - top);
  const tick = (place: (value: number) => number) => (value: number) => ({
    at: place(value),
    label: tickLabel(value),
  });
  const ticksOf = scale.kind === 'log' ? logTicks : linearTicks;
  return {
    x,
    stepTicks: linearTicks(0, steps.max, numTicks.steps).filter(Number.isInteger).map(tick(x)),
    valueTicks: ticksOf(scale.min, scale.max, numTicks.values).map(tick(y)),
    curves: series.map((one) => {
      const points = scale.kind === 'log' ? positive(one.points) : one.points;
      const dotted = one.hasDots ? points.filter(isKnown) : [];
      const dots = dotted.map(([step, value]) => ({ step, x: x(step), y: y(value) }));
      return { ...one, stretches: stretchesOf(points, x, y), dots };
    }),
  };
}
