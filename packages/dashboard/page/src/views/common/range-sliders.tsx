/** Zoom and cursor without a pointer: from which step, to which step, and at which one the values are read. */
import type { Range } from '@unet-fleet/pictures/models/curves';

export interface RangeSlidersProps {
  extent: Range;
  /** null: everything. */
  range: Range | null;
  onRange: (range: Range | null) => void;
  /** null: the newest. */
  cursor: number | null;
  onCursor: (step: number | null) => void;
}

export function RangeSliders({ extent, range, onRange, cursor, onCursor }: RangeSlidersProps) {
  const view = range ?? extent;
  const slider = (
    label: string,
    value: number,
    min: number,
    max: number,
    onValue: (value: number) => void,
  ) => (
    <label class="field">
      <span>
        {label} <b>{value}</b>
      </span>
      <input
        type="range"
        aria-label={label}
        min={min}
        max={max}
        value={value}
        aria-valuetext={`step ${value}`}
        onInput={({ currentTarget }) => onValue(Number(currentTarget.value))}
      />
    </label>
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
