/** What the head says, in words. Pure. */
import type { RunSummary, Status } from '../../../src/protocol.ts';

const sentences: Record<string, string> = {
  training: 'Training',
  validating: 'Validating',
  'waiting for workers': 'Waiting for workers',
  'waiting for the broker': 'Waiting for the broker',
  paused: 'Paused',
  'writing the last checkpoint': 'Writing the last checkpoint',
  over: 'The run is over',
};

/** The state, with what a person has asked for and is not done yet. */
export function stateText({ state, isPaused, stopsAfterEpoch }: Status): string {
  const words = sentences[state] ?? state;
  if (isPaused && state !== 'paused') return `${words}, then it pauses`;
  return stopsAfterEpoch && state !== 'over' ? `${words}, until this epoch ends` : words;
}

/** Of a run that is looked at from its folder. */
export const recordedStates: Record<RunSummary['state'], string> = {
  live: 'Live',
  running: 'Running',
  ended: 'Ended',
  interrupted: 'Interrupted',
};

/** Day and time where the reader is, the same in every country: 2026-03-01 14:05. */
export function momentText(iso: string | null): string {
  const at = iso === null ? null : new Date(iso);
  if (at === null || Number.isNaN(at.getTime())) return '–';
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Of the best validation, which is the one with the least loss. */
export function scoreText(
  best: { loss: number | null; meanIou: number | null; step: number | null } | null,
): string {
  if (best === null || best.loss === null) return 'none yet';
  const meanIou = best.meanIou === null ? '' : `, mean IoU ${(best.meanIou * 100).toFixed(1)} %`;
  const step = best.step === null ? '' : `, step ${best.step.toLocaleString('en')}`;
  return `loss ${best.loss.toPrecision(3)}${meanIou}${step}`;
}
