/** What a person sets, with its words: a switch, a slider. */
import type { ComponentChildren } from 'preact';

interface CheckProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
  class?: string;
  children: ComponentChildren;
}

export function Check({ checked, onChange, disabled, class: className, children }: CheckProps) {
  return (
    <label class={className}>
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      {children}
    </label>
  );
}

interface SliderProps {
  value: number;
  min?: number;
  max: number;
  step?: number;
  /** The value in words. */
  text: string;
  /** Its name, where the words beside it change with the value. */
  name?: string;
  onValue: (value: number) => void;
  class?: string;
  children: ComponentChildren;
}

export function Slider(props: SliderProps) {
  const { value, min = 0, max, step, text, name, onValue, class: className = 'field', children } = props;
  return (
    <label class={className}>
      {children}
      <input
        type="range"
        aria-label={name}
        min={min}
        max={max}
        step={step}
        value={value}
        aria-valuetext={text}
        onInput={({ currentTarget }) => onValue(Number(currentTarget.value))}
      />
    </label>
  );
}
