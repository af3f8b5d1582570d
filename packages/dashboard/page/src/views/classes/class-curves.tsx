/** IoU by class over time, one small chart each, the classes with most pixels first. */
import { useState } from 'preact/hooks';
import type { Point } from '../../../../src/protocol.ts';
import { extentOf } from '../common/curve-math.ts';
import { curvePath, dotPath, lastValue } from './curve-path.ts';
import { nameOf, percent } from '../common/text.ts';

export interface ClassCurvesProps {
  /** By class. */
  curves: readonly (readonly Point[])[];
  names: readonly string[];
  colours: readonly string[];
  /** Class indices, those to show first. */
  order: readonly number[];
}

const numFirst = 12;
const width = 120;
const height = 44;

export function ClassCurves({ curves, names, colours, order }: ClassCurvesProps) {
  const [all, setAll] = useState(false);
  const drawn = order.filter((index) => (curves[index]?.length ?? 0) > 0);
  const listed = all ? drawn : drawn.slice(0, numFirst);
  const extent = extentOf(curves) ?? { from: 0, to: 1 };
  if (drawn.length === 0) return <p class="quiet">No class was scored yet.</p>;
  return (
    <>
      <ul class="class-curves">
        {listed.map((index) => {
          const points = curves[index]!;
          const last = lastValue(points);
          const score = last === null ? 'no score' : percent(last.value);
          return (
            <li key={index}>
              <span class="class-curve-name">
                <span class="swatch" style={{ background: colours[index] }} aria-hidden="true" />
                {nameOf(names, index)}
              </span>
              <span class="class-curve-score">{score}</span>
              <svg
                viewBox={`0 0 ${width} ${height}`}
                preserveAspectRatio="none"
                role="img"
                aria-label={inWords(nameOf(names, index), points)}
              >
                <path class="frame" d={`M0 ${height}H${width}M0 0H${width}M0 ${height / 2}H${width}`} />
                <path class="curve" d={curvePath(points, { extent, width, height })} />
                {last !== null && <path class="last" d={dotPath(last, { extent, width, height })} />}
              </svg>
            </li>
          );
        })}
      </ul>
      {drawn.length > numFirst && (
        <button type="button" class="link" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? `Only the ${numFirst} with most pixels` : `All ${drawn.length} classes`}
        </button>
      )}
    </>
  );
}

function inWords(name: string, points: readonly Point[]): string {
  const scored = points.filter((point): point is [number, number] => point[1] !== null);
  const [first, last] = [scored[0], scored.at(-1)];
  if (first === undefined || last === undefined) return `IoU of ${name}: no score`;
  if (first === last) return `IoU of ${name}: ${percent(last[1])} at step ${last[0]}`;
  return `IoU of ${name}: from ${percent(first[1])} at step ${first[0]} to ${percent(last[1])} at step ${last[0]}`;
}
