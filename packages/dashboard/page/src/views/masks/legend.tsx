/**
 * The classes as switches with their colours, in their own order: those that have occurred in what was shown, so that a
 * switch does not move away while the slider does, and the others on demand.
 */

import { useRef, useState } from 'preact/hooks';
import { ClassName } from '../common/class-name.tsx';
import { Check } from '../common/fields.tsx';

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
  const seen = useRef(new Set<number>());
  const order = colours.map((_, index) => index);
  for (const index of order) if (counts[index]! > 0) seen.current.add(index);
  const listed = all ? order : order.filter((index) => seen.current.has(index));
  const numOthers = colours.length - seen.current.size;
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
            <Check
              checked={isShown[index]!}
              onChange={(isOn) => set((other) => (other === index ? isOn : isShown[other]!))}
            >
              <ClassName index={index} names={names} colours={colours} />
            </Check>
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
