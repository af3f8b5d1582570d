/** A small chart's line as an SVG path: steps across, 0 to 1 upwards, broken where there is no value. Pure. */
import type { Point } from '../../../../src/protocol.ts';

export function curvePath(
  points: readonly Point[],
  { numSteps, width, height }: { numSteps: number; width: number; height: number },
): string {
  let path = '';
  let isBroken = true;
  let numInLine = 0;
  for (const [step, value] of points) {
    if (value === null) {
      isBroken = true;
      continue;
    }
    const x = round((step / Math.max(1, numSteps)) * width);
    const y = round((1 - value) * height);
    path += `${isBroken ? 'M' : 'L'}${x} ${y}`;
    numInLine = isBroken ? 1 : numInLine + 1;
    isBroken = false;
  }
  // A single point is no line: a round cap makes a dot of it.
  return numInLine === 1 ? `${path}h0.01` : path;
}

export function lastValue(points: readonly Point[]): { step: number; value: number } | null {
  const last = points.findLast(([, value]) => value !== null);
  return last === undefined ? null : { step: last[0], value: last[1]! };
}

const round = (value: number): number => Math.round(value * 100) / 100;
