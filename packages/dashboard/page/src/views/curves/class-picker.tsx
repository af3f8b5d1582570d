/** Classes whose IoU is drawn beside the mean: a few at a time, so that lines stay apart. */
import { nameOf } from '@unet-fleet/pictures/models/class-map';

export interface ClassPickerProps {
  names: readonly string[];
  colours: readonly string[];
  chosen: readonly number[];
  onChange: (chosen: readonly number[]) => void;
}

const maxChosen = 8;

export function ClassPicker({ names, colours, chosen, onChange }: ClassPickerProps) {
  return (
    <details class="class-picker">
      <summary>
        Choose classes{' '}
        <span class="quiet">{`(${chosen.length} of at most ${maxChosen} drawn beside the mean IoU)`}</span>
      </summary>
      <ul>
        {colours.map((colour, index) => {
          const isChosen = chosen.includes(index);
          return (
            // A class has no identity but its number.
            <li key={index}>
              <label>
                <input
                  type="checkbox"
                  checked={isChosen}
                  disabled={!isChosen && chosen.length >= maxChosen}
                  onChange={() =>
                    onChange(isChosen ? chosen.filter((other) => other !== index) : [...chosen, index])
                  }
                />
                <span class="swatch" style={{ background: colour }} aria-hidden="true" />
                {nameOf(names, index)}
              </label>
            </li>
          );
        })}
      </ul>
    </details>
  );
}
