/** Asks for another learning rate, and says what changing it means before it does. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { rateOf, rateText } from './rate-text.ts';

export interface RateDialogProps {
  /** null before the first step. */
  current: number | null;
  onChange: (rate: number) => void;
  onClose: () => void;
}

export function RateDialog({ current, onChange, onClose }: RateDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [isTried, setIsTried] = useState(false);
  const typed = rateOf(text, current);
  const problem = isTried && 'problem' in typed ? typed.problem : '';

  useEffect(() => {
    dialog.current?.showModal?.();
  }, []);

  const submit = (event: Event) => {
    event.preventDefault();
    if ('problem' in typed) {
      setIsTried(true);
      return;
    }
    onChange(typed.rate);
    dialog.current!.close();
  };
  return (
    <dialog ref={dialog} class="rate-dialog" aria-labelledby="rate-title" onClose={onClose}>
      <form onSubmit={submit} noValidate>
        <h2 id="rate-title">Change the learning rate</h2>
        <p>{current === null ? 'There was no step yet.' : `It is ${rateText(current)} now.`}</p>
        <label class="field">
          New learning rate
          <input
            type="text"
            inputMode="decimal"
            autoComplete="off"
            autoFocus
            value={text}
            aria-invalid={problem !== ''}
            aria-describedby="rate-problem rate-warning"
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <p id="rate-problem" class="warning" role="alert">
          {problem}
        </p>
        <p id="rate-warning">
          It counts from the next step, and what the schedule does later scales with it. It becomes part of
          the run's identity: it is kept in the run's records, and a replay applies it at the same step. It
          can be changed again but not undone.
        </p>
        <p class="dialog-buttons">
          <button type="submit" class="primary">
            Change it
          </button>
          <button type="button" onClick={() => dialog.current!.close()}>
            Cancel
          </button>
        </p>
      </form>
    </dialog>
  );
}
