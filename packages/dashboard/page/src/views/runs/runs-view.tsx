/** The runs of the folder: what tells them apart, and their curves in one chart. */

import { type CurveName, courseCharts } from '@unet-fleet/pictures/models/course-charts';
import {
  clampedRange,
  extentOf,
  figure,
  percentage,
  positive,
  type Range,
  smoothed,
} from '@unet-fleet/pictures/models/curves';
import { useMemo, useState } from 'preact/hooks';
import type { History, RunSummary } from '../../../../src/protocol.ts';
import { useKept } from '../../live/use-kept.ts';
import { Chart } from '../common/chart.tsx';
import { ChartBar } from '../common/chart-bar.tsx';
import type { Series } from '../common/chart-props.ts';
import { colourOfRun, defaultChosen, toggledRun } from './compare.ts';
import './runs.css';
import { RunsTable } from './runs-table.tsx';
import { useHistories } from './use-histories.ts';

export interface RunsViewProps {
  /** Newest first; null until they are there. */
  runs: readonly RunSummary[] | null;
  error: string | null;
  liveRun: string | null;
  load: (run: string) => Promise<History>;
  /** Where the run's own page is. */
  hrefOf: (run: string) => string;
}

const compared: readonly CurveName[] = [
  'validationLoss',
  'meanIou',
  'trainLoss',
  'learningRate',
  'imagesPerSecond',
];
/** By what a person calls it. */
const measures = new Map(
  compared.map((name) => {
    const chart = courseCharts.find(({ curves }) => curves.some(({ curve }) => curve === name))!;
    const drawn = chart.curves.find(({ curve }) => curve === name)!;
    return [drawn.name, { ...drawn, format: chart.scale === 'share' ? percentage : figure }];
  }),
);

/** Steps of different runs are noisy in different ways. */
const smoothing = 0.8;
const noMarks = { restarts: [], checkpoints: [], rateChanges: [] };

export function RunsView({ runs, error, liveRun, load, hrefOf }: RunsViewProps) {
  const [measure, setMeasure] = useKept('measure of runs', () => 'Validation loss');
  const [isLog, setIsLog] = useKept('logarithm of runs', () => false);
  const [picked, setPicked] = useKept<readonly (string | null)[] | null>('runs compared', () => null);
  const [range, setRange] = useState<Range | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const chosen = useMemo(() => picked ?? defaultChosen(runs ?? [], liveRun), [picked, runs, liveRun]);
  const names = useMemo(() => chosen.filter((name) => name !== null), [chosen]);
  const { histories, problem } = useHistories(names, runs, load);

  const { curve, format, kind } = measures.get(measure)!;
  const series = useMemo(
    () =>
      chosen.flatMap((name, place): Series[] => {
        const points = name === null ? undefined : histories.get(name)?.curves[curve];
        if (!points) return [];
        const drawn = kind === 'step' ? smoothed(points, smoothing) : points;
        return [
          {
            name: name!,
            points: isLog ? positive(drawn) : drawn,
            colour: colourOfRun(place),
            look: kind === 'validation' ? 'dots' : 'line',
          },
        ];
      }),
    [chosen, histories, curve, isLog],
  );
  const drawnExtent = extentOf(series.map(({ points }) => points));
  const extent = drawnExtent && { from: 0, to: drawnExtent.to };
  const steps = extent && {
    extent,
    range: clampedRange(range, extent),
    onRange: setRange,
    cursor,
    onCursor: setCursor,
  };

  if (runs === null) return <p role={error === null ? 'status' : 'alert'}>{error ?? 'Loading…'}</p>;
  return (
    <section class="runs" aria-labelledby="runs-title">
      <h2 id="runs-title">Runs</h2>
      {error !== null && <p role="alert">{error}</p>}
      {problem !== null && <p role="alert">{problem}</p>}
      {runs.length === 0 && <p class="quiet">There is no run in this folder yet.</p>}
      {runs.length > 0 && (
        <>
          <ChartBar isLog={isLog} onLog={setIsLog} steps={steps}>
            <label class="field">
              Compare by
              <select value={measure} onChange={({ currentTarget }) => setMeasure(currentTarget.value)}>
                {[...measures.keys()].map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </label>
          </ChartBar>
          {steps === null ? (
            <p class="quiet">
              {names.length === 0
                ? 'Choose runs in the table to compare them.'
                : 'The chosen runs have no such points yet.'}
            </p>
          ) : (
            <Chart title={measure} series={series} marks={noMarks} format={format} isLog={isLog} {...steps} />
          )}
          <RunsTable
            runs={runs}
            chosen={chosen}
            onToggle={(name) => setPicked(toggledRun(chosen, name))}
            hrefOf={hrefOf}
          />
        </>
      )}
    </section>
  );
}
