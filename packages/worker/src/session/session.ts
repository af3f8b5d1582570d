/**
 * A worker's session as a pure function: it joins, computes what it is leased, and sends each result until the round
 * has moved on. It holds nothing that the run would miss: whatever it forgets is leased to another.
 */
import type { SessionConfig, SessionEffect, SessionEvent, SessionState } from './types.ts';

export const initialSession = (config: SessionConfig, now: number): SessionState => ({
  config,
  phase: 'joining',
  term: 0,
  lease: null,
  todo: [],
  isComputing: false,
  unconfirmed: [],
  lastPulseMs: now,
  lastJoinMs: Number.NEGATIVE_INFINITY,
  lastHeartbeatMs: now,
});

/** How often a worker that nobody has welcomed asks again. */
const joinEveryMs = 1_000;

export function handleSession(state: SessionState, event: SessionEvent): SessionEffect[] {
  if (state.phase === 'gone') return [];
  const effects: SessionEffect[] = [];
  // Messages of another term are dropped; a newer one means that the coordinator has started again.
  if ('term' in event && state.phase !== 'joining' && event.term !== state.term) {
    if (event.term > state.term) startJoining(state, event.now, effects);
    return effects;
  }
  switch (event.type) {
    case 'tick':
      onTick(state, event.now, effects);
      break;
    case 'welcomed':
      if (state.phase !== 'joining') break;
      state.phase = 'preparing';
      state.term = event.term;
      state.lastPulseMs = event.now;
      effects.push({ type: 'prepare', term: event.term });
      break;
    case 'prepared':
      if (state.phase !== 'preparing') break;
      state.phase = 'member';
      state.lastPulseMs = event.now;
      effects.push({ type: 'announce', term: state.term });
      break;
    case 'lease':
      if (state.phase === 'member') takeLease(state, event, effects);
      break;
    case 'pulse':
      state.lastPulseMs = event.now;
      if (state.phase === 'member') confirm(state, event);
      break;
    case 'dismissed':
      if (state.phase === 'member') startJoining(state, event.now, effects);
      break;
    case 'computed':
      state.isComputing = false;
      if (state.lease?.leaseId === event.leaseId) {
        state.unconfirmed.push({ result: event.result, sentAtMs: event.now });
        effects.push({ type: 'send', message: event.result });
      }
      computeNext(state, effects);
      break;
    case 'abandoned':
      state.isComputing = false;
      if (state.lease?.leaseId === event.leaseId) {
        // Unconfirmed, the lease is sent again by the coordinator if it still stands.
        state.lease = null;
        state.todo = [];
      }
      computeNext(state, effects);
      break;
    case 'over':
      leave(state, effects, event.reason, 'over');
      break;
    case 'refused':
      leave(state, effects, event.reason, 'refused');
      break;
    case 'failed':
      if (state.phase === 'member') {
        effects.push({ type: 'send', message: { type: 'failed', term: state.term, message: event.message } });
      }
      leave(state, effects, event.message, 'failed');
      break;
    case 'leave-requested':
      if (state.phase === 'member') {
        effects.push({ type: 'send', message: { type: 'bye', term: state.term, reason: event.reason } });
      }
      leave(state, effects, event.reason, 'requested');
      break;
  }
  return effects;
}

function leave(
  state: SessionState,
  effects: SessionEffect[],
  reason: string,
  cause: 'over' | 'refused' | 'failed' | 'requested',
): void {
  state.phase = 'gone';
  effects.push({ type: 'exit', reason, cause });
}

function startJoining(state: SessionState, now: number, effects: SessionEffect[]): void {
  state.phase = 'joining';
  state.lease = null;
  state.todo = [];
  state.unconfirmed = [];
  state.lastJoinMs = now;
  effects.push({ type: 'join' });
}

function onTick(state: SessionState, now: number, effects: SessionEffect[]): void {
  const { config } = state;
  if (state.phase === 'joining') {
    if (now - state.lastJoinMs < joinEveryMs) return;
    state.lastJoinMs = now;
    effects.push({ type: 'join' });
    return;
  }
  if (state.phase !== 'member') return;
  if (now - state.lastPulseMs > config.silenceMs) {
    startJoining(state, now, effects);
    return;
  }
  if (now - state.lastHeartbeatMs >= config.heartbeatMs) {
    state.lastHeartbeatMs = now;
    const leaseId = state.lease?.leaseId ?? 0;
    effects.push({ type: 'send', message: { type: 'heartbeat', term: state.term, leaseId } });
  }
  for (const entry of state.unconfirmed) {
    if (now - entry.sentAtMs < config.resendMs) continue;
    entry.sentAtMs = now;
    effects.push({ type: 'send', message: entry.result });
  }
}

function takeLease(
  state: SessionState,
  event: Extract<SessionEvent, { type: 'lease' }>,
  effects: SessionEffect[],
): void {
  const { lease } = event;
  state.lastPulseMs = event.now;
  if (state.lease && lease.leaseId <= state.lease.leaseId) return; // sent again, or overtaken
  confirm(state, lease);
  state.lease = lease;
  state.todo = [...lease.nodes];
  effects.push({ type: 'forget-before', step: lease.step });
  computeNext(state, effects);
}

function computeNext(state: SessionState, effects: SessionEffect[]): void {
  if (state.isComputing || !state.lease || state.phase !== 'member') return;
  const node = state.todo.shift();
  if (!node) return;
  state.isComputing = true;
  effects.push({ type: 'compute', lease: state.lease, node });
}

/** A round that is on means that all results of other rounds are settled, whatever became of them. */
function confirm(state: SessionState, round: { kind: string; step: number }): void {
  state.unconfirmed = state.unconfirmed.filter(
    ({ result }) => result.kind === round.kind && result.step === round.step,
  );
}
