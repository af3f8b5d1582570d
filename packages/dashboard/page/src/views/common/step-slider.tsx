/**
 * One slider over all evaluated steps. It is a native range over their indices, so it snaps, and arrows, Home, End and
 * pages work as everywhere; beside it play, and following the newest.
 */
import { useEffect } from 'preact/hooks';
import type { Evaluation } from './evaluation.ts';
import { Check, Slider } from './fields.tsx';
import './pictures.css';
import { indexAfter, indexOfPosition, type Position } from './steps.ts';

export interface StepSliderProps {
  steps: readonly number[];
  position: Position;
  onMove: (position: Position) => void;
  /** Of the step shown; null while it is being loaded. */
  evaluation: Evaluation | null;
  /** Play waits for what it shows. */
  isReady: boolean;
  isPlaying: boolean;
  onPlay: (isPlaying: boolean) => void;
}

const playMs = 700;

export function StepSlider(props: StepSliderProps) {
  const { steps, position, onMove, evaluation, isReady, isPlaying, onPlay } = props;
  const index = indexOfPosition(steps, position);
  const moveTo = (at: number) => onMove({ follows: 'step', step: steps[at]! });

  useEffect(() => {
    if (!isPlaying || !isReady) return;
    const next = indexAfter(index, steps.length);
    const timer = setTimeout(() => (next === null ? onPlay(false) : moveTo(next)), playMs);
    return () => clearTimeout(timer);
  }, [isPlaying, isReady, index, steps.length]);

  const play = () => {
    if (!isPlaying && index === steps.length - 1) moveTo(0);
    onPlay(!isPlaying);
  };
  const words = evaluation?.step === steps[index] ? evaluationInWords(evaluation!) : `step ${steps[index]}`;
  return (
    <div class="step-slider">
      <button type="button" onClick={play} disabled={steps.length < 2} aria-pressed={isPlaying}>
        {isPlaying ? 'Stop' : 'Play'}
      </button>
      <Slider
        class="step-slider-range"
        max={Math.max(0, steps.length - 1)}
        value={index}
        text={words}
        onValue={(at) => {
          onPlay(false);
          moveTo(at);
        }}
      >
        <span class="visually-hidden">Evaluated step</span>
      </Slider>
      <Check
        class="step-slider-newest"
        checked={position.follows === 'newest'}
        onChange={(isNewest) => {
          onPlay(false);
          if (isNewest) onMove({ follows: 'newest' });
          else moveTo(index);
        }}
      >
        Follow newest
      </Check>
      <p class="step-slider-words">
        {words} <span class="quiet">({`${index + 1} of ${steps.length}`})</span>
      </p>
    </div>
  );
}

function evaluationInWords({ step, epoch, loss, meanIou }: Evaluation): string {
  const lossWords = loss === null ? 'no loss' : `loss ${loss.toPrecision(3)}`;
  const iouWords = meanIou === null ? 'no mean IoU' : `mean IoU ${(meanIou * 100).toFixed(1)} %`;
  return `step ${step}, epoch ${epoch}, ${lossWords}, ${iouWords}`;
}
