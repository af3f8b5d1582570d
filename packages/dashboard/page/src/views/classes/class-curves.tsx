/** IoU by class over time, one small chart each, the classes with most pixels first. */

import { nameOf } from '@unet-fleet/pictures/models/class-map';
import {
  curveInWords,
  extentOf,
  lastPoint,
  type Point,
  pathOf,
  stretchesOf,
} from '@unet-fleet/pictures/models/curves';
import { useState } from 'preact/hooks';
import { ClassName } from '../common/class-name.tsx';
import { percent } from '../common/text.ts';

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
  const x = (step: number) => ((step - extent.from) / Math.max(1, extent.to - extent.from)) * width;
  const y = (value: number) => (1 - value) * height;
  if (drawn.length === 0) return <p class="quiet">No class was scored yet.</p>;
  return (
    <>
      <ul class="class-curves">
        {listed.map((index) => {
          const points = curves[index]!;
          const last = lastPoint(points);
          const score = last === null ? 'no score' : percent(last[1]);
          return (
            <li key={index}>
              <span class="class-curve-name">
                <ClassName index={index} names={names} colours={colours} />
              </span>
              <span class="class-curve-score">{score}</span>
              <svg
                viewBox={`0 0 ${width} ${height}`}
                preserveAspectRatio="none"
                role="img"
                aria-label={curveInWords(`IoU of ${nameOf(names, index)}`, points, percent)}
              >
                <path class="frame" d={`M0 ${height}H${width}M0 0H${width}M0 ${height / 2}H${width}`} />
                <path class="curve" d={pathOf(stretchesOf(points, x, y), 100)} />
                {/* A line of no length: its round caps make a dot of it, round also where the picture is stretched. */}
                {last !== null && <path class="last" d={`M${x(last[0])} ${y(last[1])}h0.01`} />}
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
