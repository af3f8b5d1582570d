/** Classes whose IoU is drawn beside the mean: a few at a time, so that lines stay apart. */
import { ClassName } from '../common/class-name.tsx';
import { Check } from '../common/fields.tsx';

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
        {colours.map((_, index) => {
          const isChosen = chosen.includes(index);
          return (
            // A class has no identity but its number.
            <li key={index}>
              <Check
                checked={isChosen}
                disabled={!isChosen && chosen.length >= maxChosen}
                onChange={() =>
                  onChange(isChosen ? chosen.filter((other) => other !== index) : [...chosen, index])
                }
              >
                <ClassName index={index} names={names} colours={colours} />
              </Check>
            </li>
          );
        })}
      </ul>
    </details>
  );
}
