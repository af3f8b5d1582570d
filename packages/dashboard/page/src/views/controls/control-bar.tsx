/**
 * Steers the run: pause and go on, a checkpoint, an end after this epoch, another learning rate. A button says so while
 * its command is under way; the reply's sentence is shown and said.
 */
import { useRef, useState } from 'preact/hooks';
import type { ControlAction, Status } from '../../../../src/protocol.ts';
import { BusyButton } from '../common/busy-button.tsx';
import './controls.css';
import { RateDialog } from './rate-dialog.tsx';
import { rateText } from './rate-text.ts';

export interface ControlBarProps {
  canControl: boolean;
  /** null until the server has told. */
  status: Status | null;
  /** Sends a command; what it says is shown by the page. */
  send: (action: ControlAction) => Promise<void>;
}

export function ControlBar({ canControl, status, send }: ControlBarProps) {
  const [underWay, setUnderWay] = useState<ControlAction['action'] | null>(null);
  const [asksRate, setAsksRate] = useState(false);
  const rateButton = useRef<HTMLButtonElement>(null);

  if (!canControl) {
    return (
      <p class="control-hint quiet">
        You are watching. To pause or steer the run, open the link with the control token that the coordinator
        printed when it started.
      </p>
    );
  }
  const command = async (action: ControlAction) => {
    setUnderWay(action.action);
    await send(action);
    setUnderWay(null);
  };
  const isOver = status === null || status.state === 'over';
  const isBusy = underWay !== null;
  const isPaused = status?.isPaused ?? false;
  return (
    <fieldset class="control-bar" aria-busy={isBusy}>
      <legend class="visually-hidden">Controls</legend>
      <BusyButton
        class="primary"
        isBusy={isBusy}
        disabled={isOver}
        onClick={() => command({ action: isPaused ? 'resume' : 'pause' })}
      >
        {underWay === 'pause'
          ? 'Pausing…'
          : underWay === 'resume'
            ? 'Going on…'
            : isPaused
              ? 'Go on'
              : 'Pause'}
      </BusyButton>
      <BusyButton isBusy={isBusy} disabled={isOver} onClick={() => command({ action: 'checkpoint' })}>
        {underWay === 'checkpoint' ? 'Asking…' : 'Checkpoint now'}
      </BusyButton>
      <BusyButton buttonRef={rateButton} isBusy={isBusy} disabled={isOver} onClick={() => setAsksRate(true)}>
        {underWay === 'learning-rate' ? 'Changing…' : 'Learning rate…'}
        {status?.learningRate != null && underWay !== 'learning-rate' && (
          <span class="control-rate"> {rateText(status.learningRate)}</span>
        )}
      </BusyButton>
      <label class="control-toggle">
        <input
          type="checkbox"
          checked={status?.stopsAfterEpoch ?? false}
          disabled={isOver}
          aria-disabled={isBusy}
          onChange={({ currentTarget }) => {
            const isWanted = currentTarget.checked;
            // What is true is what the server says, also when the command fails.
            currentTarget.checked = status?.stopsAfterEpoch ?? false;
            if (!isBusy) void command({ action: 'stop-after-epoch', isWanted });
          }}
        />
        {underWay === 'stop-after-epoch' ? 'Asking…' : 'Stop after this epoch'}
      </label>
      {asksRate && (
        <RateDialog
          current={status?.learningRate ?? null}
          onChange={(rate) => command({ action: 'learning-rate', rate })}
          onClose={() => {
            setAsksRate(false);
            rateButton.current?.focus();
          }}
        />
      )}
    </fieldset>
  );
}
