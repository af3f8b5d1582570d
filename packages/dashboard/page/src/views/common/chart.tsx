/**
 * One chart over steps, drawn by uPlot. What is shown, where the cursor stands and which steps are in view is given from
 * outside, so that all charts of a view move together; pointer and selection are told, never acted on here.
 */
import { useEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { curveInWords, valueAt } from '@unet-fleet/pictures/models/curves';
import { chartOptions, drawnMarks } from './chart-options.ts';
import type { ChartProps, Series } from './chart-props.ts';
import { useColourScheme } from './use-colour-scheme.ts';
import { useWidth } from './use-width.ts';

const heightPx = 190;

export function Chart(props: ChartProps) {
  const { title, series, marks, format, isLog, range, extent, cursor } = props;
  const [frame, width] = useWidth<HTMLDivElement>();
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;

  // uPlot's series are fixed once it is made; anything but their values makes it anew.
  const shape = JSON.stringify([isLog, series.map(({ name, colour, look }) => [name, colour, look])]);
  const data = useMemo(() => alignedData(series), [series]);
  const view = range ?? extent;

  useEffect(() => {
    if (width === 0) return;
    const options = chartOptions({ width, height: heightPx, latest: () => latest.current });
    const made = new uPlot(options, alignedData(latest.current.series), frame.current!);
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [shape, width === 0]);
  useEffect(() => plot.current?.setSize({ width, height: heightPx }), [width]);
  useEffect(() => {
    plot.current?.setData(data, false);
    plot.current?.setScale('x', { min: view.from, max: Math.max(view.to, view.from + 1) });
  }, [data, view.from, view.to, shape, width === 0]);
  useEffect(() => plot.current?.redraw(false), [marks]);
  useEffect(() => {
    const left = cursor === null ? -10 : (plot.current?.valToPos(cursor, 'x') ?? -10);
    plot.current?.setCursor({ left, top: 0 }, false);
  });
  useColourScheme(() => plot.current?.redraw(false));

  const words = series
    .filter(({ look }) => look !== 'faint')
    .map((one) => curveInWords(one.name, one.points, format));
  const step = cursor ?? Number.POSITIVE_INFINITY;
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        <ul class="chart-legend">
          {series
            .filter(({ look }) => look !== 'faint')
            .map(({ name, points, colour, look }) => {
              const value = valueAt(points, step);
              return (
                <li key={name}>
                  <span
                    class={`chart-key is-${look}`}
                    style={{ '--key': cssColour(colour) }}
                    aria-hidden="true"
                  />
                  {name} <b>{value === null ? '–' : format(value)}</b>
                </li>
              );
            })}
        </ul>
      </figcaption>
      <div
        ref={frame}
        class="chart-frame"
        style={{ height: `${heightPx}px` }}
        role="img"
        aria-label={[...words, ...drawnMarks(marks)].join('. ')}
      />
    </figure>
  );
}

const cssColour = (colour: string): string => (colour.startsWith('--') ? `var(${colour})` : colour);

/** Steps and values as uPlot wants them: where a curve has no value at another's step there is no break. */
function alignedData(series: readonly Series[]): uPlot.AlignedData {
  const tables = series.map(
    ({ points }): uPlot.AlignedData => [points.map(([step]) => step), points.map(([, value]) => value)],
  );
  return tables.length === 0 ? [[]] : uPlot.join(tables);
}
