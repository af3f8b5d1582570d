/** How training goes: charts over the same steps, with one zoom, one cursor and one smoothing for all of them. */

import { nameOf } from '@unet-fleet/pictures/models/class-map';
import { type CourseCurve, type CurveName, courseCharts } from '@unet-fleet/pictures/models/course-charts';
import { useMemo, useState } from 'preact/hooks';
import type { History } from '../../../../src/protocol.ts';
import { useKept } from '../../live/use-kept.ts';
import { Chart } from '../common/chart.tsx';
import { ChartBar } from '../common/chart-bar.tsx';
import type { Marks, Series } from '../common/chart-props.ts';
import { Slider } from '../common/fields.tsx';
import { ClassPicker } from './class-picker.tsx';
import './curves.css';
import {
  clampedRange,
  extentOf,
  figure,
  percentage,
  positive,
  type Range,
  smoothed,
} from '@unet-fleet/pictures/models/curves';

export interface CurvesViewProps {
  /** As it is now: its curves grow. */
  history: History;
}

interface ChartSpec {
  title: string;
  series: Series[];
  isShare: boolean;
  /** Shows a logarithm when one is asked for. */
  canBeLog: boolean;
}

/** Scores have a chart each: classes are drawn beside the mean IoU. */
const charts = courseCharts.flatMap((chart) =>
  chart.scale === 'share'
    ? chart.curves.map((one) => ({ ...chart, title: one.title ?? one.name, curves: [one] }))
    : chart,
);

export function CurvesView({ history }: CurvesViewProps) {
  const { curves, classNames, classColours } = history;
  const [smoothing, setSmoothing] = useKept('smoothing', () => 0.6);
  const [isLog, setIsLog] = useKept('logarithm', () => false);
  const [range, setRange] = useKept<Range | null>(`zoom in ${history.name}`, () => null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [chosen, setChosen] = useKept<readonly number[]>(`classes drawn of ${history.name}`, () => []);

  const extent = useMemo(
    () => extentOf([curves.trainLoss, curves.validationLoss, curves.meanIou, curves.learningRate]),
    [curves],
  );
  const specs = useMemo(() => {
    const seriesOf = ({ curve, name, tone, kind }: CourseCurve<CurveName>): Series[] => {
      const points = curves[curve];
      const colour = tone === 'validation' ? '--curve-second' : '--accent';
      if (kind !== 'step' || smoothing === 0) {
        return [{ name, points, colour, look: kind === 'validation' ? 'dots' : 'line' }];
      }
      return [
        { name: `${name}, as measured`, points, colour, look: 'faint' },
        { name, points: smoothed(points, smoothing), colour, look: 'line' },
      ];
    };
    const ofClasses = chosen.map(
      (index): Series => ({
        name: nameOf(classNames, index),
        points: curves.classIou[index] ?? [],
        colour: classColours[index]!,
        look: 'dots',
      }),
    );
    return charts.map(({ title, scale, curves: drawn }): ChartSpec => {
      const hasClasses = drawn.some(({ curve }) => curve === 'meanIou');
      return {
        title,
        series: [...drawn.flatMap(seriesOf), ...(hasClasses ? ofClasses : [])],
        isShare: scale === 'share',
        canBeLog: scale === 'log' || scale === 'fitting',
      };
    });
  }, [curves, classNames, classColours, smoothing, chosen]);
  const marks = useMemo<Marks>(
    () => ({
      restarts: history.restarts,
      checkpoints: history.checkpoints.map(({ step }) => step),
      rateChanges: history.learningRateChanges.map(({ step }) => step),
    }),
    [history.restarts, history.checkpoints, history.learningRateChanges],
  );
  const steps = extent && {
    extent,
    range: clampedRange(range, extent),
    onRange: setRange,
    cursor,
    onCursor: setCursor,
  };

  return (
    <section class="curves" aria-labelledby="curves-title">
      <h2 id="curves-title">Curves</h2>
      {steps === null ? (
        <p class="quiet">No step yet: curves begin with the first one.</p>
      ) : (
        <>
          <ChartBar isLog={isLog} onLog={setIsLog} steps={steps}>
            <Slider
              max={99}
              value={Math.round(smoothing * 100)}
              text={smoothing === 0 ? 'none' : smoothing.toFixed(2)}
              onValue={(percent) => setSmoothing(percent / 100)}
            >
              Smoothing
            </Slider>
          </ChartBar>
          <ClassPicker names={classNames} colours={classColours} chosen={chosen} onChange={setChosen} />
          <div class="charts">
            {specs.map(({ title, series, isShare, canBeLog }) => (
              <Chart
                key={title}
                title={title}
                series={isLog && canBeLog ? positives(series) : series}
                marks={marks}
                format={isShare ? percentage : figure}
                isLog={isLog && canBeLog}
                {...steps}
              />
            ))}
          </div>
          <MarksKey marks={marks} />
        </>
      )}
    </section>
  );
}

const positives = (series: readonly Series[]): Series[] =>
  series.map((one) => ({ ...one, points: positive(one.points) }));

function MarksKey({ marks }: { marks: Marks }) {
  return (
    <ul class="marks-key quiet">
      {marks.checkpoints.length > 0 && (
        <li>
          <span class="mark is-checkpoint" aria-hidden="true" /> checkpoint
        </li>
      )}
      {marks.restarts.length > 0 && (
        <li>
          <span class="mark is-restart" aria-hidden="true" /> the coordinator started again
        </li>
      )}
      {marks.rateChanges.length > 0 && (
        <li>
          <span class="mark is-rate" aria-hidden="true" /> learning rate changed by hand
        </li>
      )}
      <li>Drag across a chart to zoom in, double-click to see everything.</li>
    </ul>
  );
}
