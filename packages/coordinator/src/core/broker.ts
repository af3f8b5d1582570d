/**
 * The coordinator's own connection to the broker. While it is closed nobody can be heard, so silence counts against
 * nobody, and time stands still for what is awaited.
 */
import type { CoreEvent, CoreState, Effect } from './types.ts';

export function brokerLost(
  state: CoreState,
  { now, reason }: Extract<CoreEvent, { type: 'broker-lost' }>,
  effects: Effect[],
): void {
  if (state.broker) return;
  state.broker = { lostAtMs: now, reason };
  effects.push({ type: 'emit', event: { type: 'broker-lost', reason } });
}

export function brokerBack(state: CoreState, now: number, effects: Effect[]): void {
  if (!state.broker) return;
  const awayMs = now - state.broker.lostAtMs;
  state.broker = null;
  for (const member of state.members) {
    member.lastSeenMs = now;
    // Who was cut off with everybody else is back when it says so, or silent for too long.
    member.disconnectedAtMs = null;
    if (!member.lease) continue;
    member.lease.awaitedSinceMs = Math.min(now, member.lease.awaitedSinceMs + awayMs);
    // Whatever was sent meanwhile has not arrived.
    member.lease.sentAtMs = now - state.config.resendMs;
  }
  effects.push({ type: 'emit', event: { type: 'broker-back', awayMs } });
}
