/** Zoom and cursor without a pointer: from which step, to which step, and at which one the values are read. */
import type { StepsInView } from './chart-props.ts';
import { Slider } from './fields.tsx';

export function RangeSliders({ extent, range, onRange, cursor, onCursor }: StepsInView) {
  const view = range ?? extent;
  const slider = (
    label: string,
    value: number,
    min: number,
    max: number,
    onValue: (value: number) => void,
  ) => (
    <Slider name={label} text={`step ${value}`} value={value} min={min} max={max} onValue={onValue}>
      <span>
        {label} <b>{value}</b>
      </span>
    </Slider>
  );
  const read = Math.min(Math.max(cursor ?? view.to, view.from), view.to);
  return (
    <>
      {slider('From step', view.from, extent.from, Math.max(extent.from, view.to - 1), (from) =>
        onRange({ ...view, from }),
      )}
      {slider('To step', view.to, view.from + 1, Math.max(extent.to, view.from + 1), (to) =>
        onRange({ ...view, to }),
      )}
      <button type="button" disabled={range === null} onClick={() => onRange(null)}>
        Show everything
      </button>
      {slider('Values at step', read, view.from, view.to, (step) =>
        onCursor(step === extent.to ? null : step),
      )}
    </>
  );
}
