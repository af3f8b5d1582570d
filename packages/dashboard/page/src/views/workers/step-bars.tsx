/** Where a step's time goes on each worker: the mean of the last steps as one bar each, on a common scale. */
import { shortTime } from '@unet-fleet/law';
import type { StepLanes } from '../../../../src/protocol.ts';
import {
  type Durations,
  meanDurations,
  partNames,
  rowParts,
  waitsInWords,
  workersIn,
} from './lane-layout.ts';
import { PartPatterns, partFill } from './parts.tsx';

const height = 18;

export function StepBars({ lanes }: { lanes: readonly StepLanes[] }) {
  const means = workersIn(lanes)
    .map((worker) => ({ worker, durations: meanDurations(lanes, worker) }))
    .filter((one): one is { worker: string; durations: Durations } => one.durations !== null);
  const longest = Math.max(1, ...means.map(({ durations }) => sumOf(durations)));
  return (
    <ul class="step-bars">
      {means.map(({ worker, durations }) => {
        let x = 0;
        return (
          <li key={worker}>
            <span class="step-bar-name">{worker}</span>
            <svg width="100%" height={height} role="img" aria-label={`${worker}: ${inWords(durations)}`}>
              <PartPatterns prefix="bars" />
              {rowParts.map((part) => {
                const length = ((durations[part] ?? 0) / longest) * 100;
                const from = x;
                x += length;
                return (
                  <rect
                    key={part}
                    x={`${from}%`}
                    width={`${length}%`}
                    height={height}
                    fill={partFill('bars', part)}
                  >
                    <title>{`${partNames[part]} ${shortTime(durations[part] ?? 0)}`}</title>
                  </rect>
                );
              })}
            </svg>
            <span class="step-bar-words quiet" aria-hidden="true">
              {inWords(durations)}
            </span>
            <span class="step-bar-words">{waitsInWords(lanes, worker)}</span>
          </li>
        );
      })}
    </ul>
  );
}

const sumOf = (durations: Durations): number =>
  rowParts.reduce((sum, part) => sum + (durations[part] ?? 0), 0);

const inWords = (durations: Durations): string =>
  rowParts
    .filter((part) => (durations[part] ?? 0) >= 0.05)
    .map((part) => `${partNames[part]} ${shortTime(durations[part]!)}`)
    .join(', ');
