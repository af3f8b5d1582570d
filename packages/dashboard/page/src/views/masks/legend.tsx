/** The classes as switches with their colours: those that occur in what is shown first, the others on demand. */
import { useState } from 'preact/hooks';
import { nameOf } from '../classes/matrix.ts';

export interface LegendProps {
  names: readonly string[];
  colours: readonly string[];
  /** Pixels by class in what is shown. */
  counts: Float64Array;
  isShown: readonly boolean[];
  onChange: (isShown: boolean[]) => void;
}

export function Legend({ names, colours, counts, isShown, onChange }: LegendProps) {
  const [all, setAll] = useState(false);
  const order = colours.map((_, index) => index).sort((left, right) => counts[right]! - counts[left]!);
  const occurring = order.filter((index) => counts[index]! > 0);
  const listed = all ? [...occurring, ...order.filter((index) => counts[index] === 0)] : occurring;
  const numOthers = colours.length - occurring.length;
  const set = (wanted: (index: number) => boolean) => onChange(colours.map((_, index) => wanted(index)));
  return (
    <fieldset class="legend">
      <legend>Classes</legend>
      <div class="legend-all">
        <button type="button" onClick={() => set(() => true)} disabled={isShown.every(Boolean)}>
          All
        </button>
        <button type="button" onClick={() => set(() => false)} disabled={!isShown.some(Boolean)}>
          None
        </button>
      </div>
      <ul>
        {listed.map((index) => (
          <li key={index}>
            <label>
              <input
                type="checkbox"
                checked={isShown[index]}
                onChange={({ currentTarget }) =>
                  set((other) => (other === index ? currentTarget.checked : isShown[other]!))
                }
              />
              <span class="swatch" style={{ background: colours[index] }} aria-hidden="true" />
              {nameOf(names, index)}
            </label>
          </li>
        ))}
      </ul>
      {numOthers > 0 && (
        <button type="button" class="link" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? 'Only classes that occur here' : `${numOthers} more that do not occur here`}
        </button>
      )}
    </fieldset>
  );
}
