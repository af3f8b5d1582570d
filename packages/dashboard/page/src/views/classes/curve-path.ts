/** A small chart's line as an SVG path: steps across, 0 to 1 upwards, broken where there is no value. Pure. */
import type { Point } from '../../../../src/protocol.ts';
import type { Range } from '../common/curve-math.ts';

export interface Frame {
  /** Steps from the left edge to the right one. */
  extent: Range;
  width: number;
  height: number;
}

export function curvePath(points: readonly Point[], frame: Frame): string {
  let path = '';
  let isBroken = true;
  for (const [step, value] of points) {
    if (value === null) {
      isBroken = true;
      continue;
    }
    const at = place(step, value, frame);
    // No length, but round caps: a point between two breaks is seen.
    path += isBroken ? `M${at}h0` : `L${at}`;
    isBroken = false;
  }
  return path;
}

/** A line of no length: its round caps make a dot of it, round also where the picture is stretched. */
export const dotPath = ({ step, value }: { step: number; value: number }, frame: Frame): string =>
  `M${place(step, value, frame)}h0.01`;

export function lastValue(points: readonly Point[]): { step: number; value: number } | null {
  const last = points.findLast(([, value]) => value !== null);
  return last === undefined ? null : { step: last[0], value: last[1]! };
}

function place(step: number, value: number, { extent, width, height }: Frame): string {
  const x = ((step - extent.from) / Math.max(1, extent.to - extent.from)) * width;
  return `${hundredth(x)} ${hundredth((1 - value) * height)}`;
}

const hundredth = (value: number): number => Math.round(value * 100) / 100;
