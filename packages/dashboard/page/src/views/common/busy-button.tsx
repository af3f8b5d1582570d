/**
 * A button that keeps the focus while what it started is under way: a disabled one would lose it, and who steers by
 * keyboard would stand at the top of the page. It says that it is busy, and takes no second press.
 */
import type { ComponentChildren, Ref } from 'preact';

export interface BusyButtonProps {
  isBusy: boolean;
  onClick: () => void;
  /** Nothing to do at all, whatever is under way. */
  disabled?: boolean;
  class?: string;
  label?: string | undefined;
  buttonRef?: Ref<HTMLButtonElement>;
  children: ComponentChildren;
}

export function BusyButton(props: BusyButtonProps) {
  const { isBusy, onClick, disabled, class: className, label, buttonRef, children } = props;
  return (
    <button
      ref={buttonRef}
      type="button"
      class={className}
      disabled={disabled}
      aria-disabled={isBusy}
      aria-label={label}
      onClick={() => !isBusy && onClick()}
    >
      {children}
    </button>
  );
}
