/** Curves of long runs with fewer points, that look the same: of each stretch the smallest and the largest value stay. */
import type { Point } from '../protocol.ts';

/**
 * At most `maxPoints` (at least 4) of the points, in their order; the first and the last are always there. Breaks (null)
 * within a stretch that has values are dropped.
 */
export function thin(points: readonly Point[], maxPoints: number): Point[] {
  if (points.length <= maxPoints) return [...points];
  const inner = points.slice(1, -1);
  const numStretches = Math.floor((maxPoints - 2) / 2);
  const kept: Point[] = [points[0]!];
  for (let stretch = 0; stretch < numStretches; stretch++) {
    const begin = Math.floor((stretch * inner.length) / numStretches);
    const end = Math.floor(((stretch + 1) * inner.length) / numStretches);
    kept.push(...extremesOf(inner.slice(begin, end)));
  }
  kept.push(points.at(-1)!);
  return kept;
}

function extremesOf(points: readonly Point[]): Point[] {
  let low: Point | null = null;
  let high: Point | null = null;
  for (const point of points) {
    const [, value] = point;
    if (value === null) continue;
    if (low === null || value < low[1]!) low = point;
    if (high === null || value > high[1]!) high = point;
  }
  if (!low || !high) return points.slice(0, 1);
  if (low === high) return [low];
  return low[0] <= high[0] ? [low, high] : [high, low];
}
