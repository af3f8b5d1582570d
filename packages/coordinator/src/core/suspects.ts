/**
 * Workers that keep failing are set aside with growing pauses, by name, because a process that starts again has a new
 * id. One failure is nobody's fault; a completed lease forgives all.
 */
import type { CoreState, Effect } from './types.ts';

const firstPauseMs = 1_000;
const longestPauseMs = 60_000;
/** Names come from peers; the oldest is forgotten. */
const maxSuspects = 256;

export const isPaused = (state: CoreState, name: string, now: number): boolean =>
  state.suspects.some((suspect) => suspect.name === name && now < suspect.pausedUntilMs);

export function suspect(
  state: CoreState,
  name: string,
  reason: string,
  now: number,
  effects: Effect[],
): void {
  const known = state.suspects.find((other) => other.name === name);
  const numFailures = (known?.numFailures ?? 0) + 1;
  const pauseMs = numFailures < 2 ? 0 : Math.min(longestPauseMs, firstPauseMs * 2 ** (numFailures - 2));
  const entry = { name, numFailures, reason, pausedUntilMs: now + pauseMs };
  state.suspects = [...state.suspects.filter((other) => other !== known), entry].slice(-maxSuspects);
  if (pauseMs === 0) return;
  effects.push({
    type: 'emit',
    event: { type: 'worker-set-aside', worker: name, reason, numFailures, pauseMs },
  });
}

export function forgive(state: CoreState, name: string): void {
  state.suspects = state.suspects.filter((other) => other.name !== name);
}
