/** Drains a worker, once more asked: the question takes the button's place, and the focus goes along and back. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { BusyButton } from '../common/busy-button.tsx';

export interface DrainButtonProps {
  worker: string;
  isUnderWay: boolean;
  onDrain: (worker: string) => void;
}

export function DrainButton({ worker, isUnderWay, onDrain }: DrainButtonProps) {
  const [isAsking, setIsAsking] = useState(false);
  const ask = useRef<HTMLButtonElement>(null);
  const confirm = useRef<HTMLButtonElement>(null);
  const wasAsking = useRef(false);
  useEffect(() => {
    if (isAsking) confirm.current?.focus();
    else if (wasAsking.current) ask.current?.focus();
    wasAsking.current = isAsking;
  }, [isAsking]);

  if (!isAsking) {
    return (
      <BusyButton
        buttonRef={ask}
        isBusy={isUnderWay}
        label={isUnderWay ? `Draining ${worker}…` : `Drain ${worker}…`}
        onClick={() => setIsAsking(true)}
      >
        {isUnderWay ? 'Draining…' : 'Drain…'}
      </BusyButton>
    );
  }
  return (
    <fieldset class="confirm" onKeyDown={(event) => event.key === 'Escape' && setIsAsking(false)}>
      <legend>{worker} hands back its work and leaves.</legend>
      <button
        ref={confirm}
        type="button"
        class="primary"
        onClick={() => {
          setIsAsking(false);
          onDrain(worker);
        }}
      >
        Drain {worker}
      </button>
      <button type="button" onClick={() => setIsAsking(false)}>
        Keep it
      </button>
    </fieldset>
  );
}
