/**
 * When the coordinator itself could not hear: its connection to the broker was closed, or its process stood still. Then
 * silence counts against nobody, and time stands still for what is awaited.
 */
import type { CoreEvent, CoreState, Effect, Member } from './types.ts';

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
    postpone(member, awayMs, now);
    member.lastSeenMs = now;
    // Who was cut off with everybody else is back when it says so, or silent for too long.
    member.disconnectedAtMs = null;
    // Whatever was sent meanwhile has not arrived.
    if (member.lease) member.lease.sentAtMs = now - state.config.resendMs;
  }
  effects.push({ type: 'emit', event: { type: 'broker-back', awayMs } });
}

/** The process stood still for so long; what was said meanwhile is yet to be read. */
export function stalled(state: CoreState, { now, forMs }: Extract<CoreEvent, { type: 'stalled' }>): void {
  for (const member of state.members) {
    postpone(member, forMs, now);
    member.lastSeenMs = Math.min(now, member.lastSeenMs + forMs);
  }
}

function postpone({ lease }: Member, ms: number, now: number): void {
  if (lease) lease.awaitedSinceMs = Math.min(now, lease.awaitedSinceMs + ms);
}
