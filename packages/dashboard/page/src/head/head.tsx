/** What one wants to know first: the state and its reason, how far the run is and how fast, and what is safe on disk. */
import { duration } from '@unet-fleet/law';
import { useEffect, useRef } from 'preact/hooks';
import type { RunSummary, Status } from '../../../src/protocol.ts';
import { useSpeech } from '../live/speech.tsx';
import { agoText } from '../views/common/text.ts';
import { useServerNow } from '../views/common/use-server-now.ts';
import { momentText, recordedStates, scoreText, stateText } from './head-text.ts';

export interface LiveHeadProps {
  name: string;
  /** null until the first one. */
  status: Status | null;
  /** The status is from before the connection was lost. */
  isLost: boolean;
}

export function LiveHead({ name, status, isLost }: LiveHeadProps) {
  const { announce } = useSpeech();
  const words = status === null ? '' : stateText(status);
  const before = useRef('');
  useEffect(() => {
    if (before.current !== '' && words !== before.current) announce(words);
    before.current = words;
  }, [words]);
  const nowMs = useServerNow(status?.at ?? null);

  if (status === null) {
    return (
      <div class="head">
        <div class="head-title">
          <h1>{name}</h1>
          <p class="state">Connecting…</p>
        </div>
      </div>
    );
  }
  const { epoch, numEpochs, step, numSteps, imagesPerSecond, timeLeftMs, checkpoint, best } = status;
  const facts: [title: string, value: string][] = [
    ['Epoch', `${epoch} of ${numEpochs}`],
    ['Images/s', imagesPerSecond > 0 ? imagesPerSecond.toFixed(1) : '–'],
    ['Time left', timeLeftMs === null ? '–' : duration(timeLeftMs)],
    [
      'Checkpoint',
      checkpoint === null
        ? 'none yet'
        : `step ${checkpoint.step.toLocaleString('en')}, ${agoText(checkpoint.at, nowMs)}`,
    ],
    ['Best score', scoreText(best)],
  ];
  return (
    <div class="head">
      <div class="head-title">
        <h1>{name}</h1>
        {isLost ? (
          <p class="state is-lost">Not connected</p>
        ) : (
          <p class={`state is-${status.state.replaceAll(' ', '-')}`}>{words}</p>
        )}
      </div>
      {!isLost && status.reasons.length > 0 && (
        <ul class="reasons">
          {status.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      <div class="progress">
        <progress aria-label="Steps done" value={step} max={Math.max(1, numSteps)} />
        <span>{`step ${step.toLocaleString('en')} of ${numSteps.toLocaleString('en')}`}</span>
      </div>
      <dl class="facts">
        {facts.map(([title, value]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** Of a run that is looked at without its coordinator. */
export function RecordedHead({ summary, name }: { summary: RunSummary | null; name: string }) {
  return (
    <div class="head">
      <div class="head-title">
        <h1>{name}</h1>
        {summary !== null && <p class="state">{recordedStates[summary.state]}</p>}
      </div>
      {summary !== null && (
        <dl class="facts">
          <div>
            <dt>Progress</dt>
            <dd>{`step ${summary.step.toLocaleString('en')} of ${summary.numSteps.toLocaleString('en')}`}</dd>
          </div>
          <div>
            <dt>Begun</dt>
            <dd>{momentText(summary.startedAt)}</dd>
          </div>
          <div>
            <dt>Best score</dt>
            <dd>{scoreText({ loss: summary.bestLoss, meanIou: summary.bestMeanIou, step: null })}</dd>
          </div>
        </dl>
      )}
    </div>
  );
}
