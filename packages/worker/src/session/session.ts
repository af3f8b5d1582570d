/**
 * A worker's session as a pure function: it joins, computes what it is leased, and sends each result until the round
 * has moved on. Asked to leave, it hands over what is finished and goes. It holds nothing that the run would miss:
 * whatever it forgets is leased to another.
 */
import { roundOrder, rounds, sameNode } from '@unet-fleet/law';
import type { Unsent, UpMessage } from '@unet-fleet/wire';
import { nextSequence } from './conversation.ts';
import type {
  ExitCause,
  LeasedWork,
  ResultMessage,
  SessionConfig,
  SessionEffect,
  SessionEvent,
  SessionState,
} from './types.ts';

export const initialSession = (config: SessionConfig, now: number): SessionState => ({
  config,
  phase: 'joining',
  term: 0,
  heard: { term: 0, sequence: 0 },
  numSaid: 0,
  announcedAs: 0,
  lease: null,
  todo: [],
  isPreparing: false,
  isComputing: false,
  isReadyAfterComputing: false,
  uselessSinceMs: null,
  drain: null,
  unconfirmed: [],
  lastPulseMs: now,
  lastJoinMs: Number.NEGATIVE_INFINITY,
  lastHeartbeatMs: now,
});

/** Why a worker that waits for a coordinator goes. */
export const aloneReason = (aloneMs: number): string =>
  `no coordinator of the run has answered for ${Math.round(aloneMs / 1000)} s: start it, or raise --wait-run`;

/** How often a worker that nobody has welcomed asks again. */
const joinEveryMs = 1_000;

export function handleSession(state: SessionState, event: SessionEvent): SessionEffect[] {
  if (state.phase === 'gone') return [];
  const effects: SessionEffect[] = [];
  if (event.type === 'prepared') {
    onPrepared(state, event, effects);
    return effects;
  }
  if ('term' in event) {
    // An older term's messages are dropped, whoever still sends them; a newer term means a coordinator that began later.
    if (event.term < state.term) return effects;
    const isNewTerm = event.term > state.term;
    state.term = event.term;
    if (isNewTerm && state.phase !== 'joining') {
      onNewTerm(state, event.now, effects);
      return effects;
    }
  }
  react(state, event, effects);
  return effects;
}

function say(
  state: SessionState,
  message: Unsent<Exclude<UpMessage, { type: 'ready' }>>,
  effects: SessionEffect[],
): void {
  const sent = { ...message, term: state.term, sequence: nextSequence(state) } as UpMessage;
  effects.push({ type: 'send', message: sent });
}

function react(state: SessionState, event: SessionEvent, effects: SessionEffect[]): void {
  switch (event.type) {
    case 'tick':
      onTick(state, event.now, effects);
      break;
    case 'welcomed':
      if (state.phase !== 'joining') break;
      state.phase = 'preparing';
      state.lastPulseMs = event.now;
      prepare(state, effects);
      break;
    case 'lease':
      if (state.phase === 'member') takeLease(state, event, effects);
      break;
    case 'pulse':
      state.lastPulseMs = event.now;
      if (state.phase === 'member' || state.phase === 'draining') onPulse(state, event);
      break;
    case 'dismissed':
      // It has said since then that it is ready.
      if (event.heard < state.announcedAs) break;
      if (state.phase === 'member') startJoining(state, event.now, effects);
      if (state.phase === 'draining') leave(state, effects, state.drain!.reason, 'requested');
      break;
    case 'drain':
      // One that is joining is asked again once it is there.
      if (state.phase === 'member') {
        onLeaveRequested(state, { now: event.now, reason: 'the coordinator asked it to leave' }, effects);
      }
      break;
    case 'settled':
      onSettled(state, event, effects);
      break;
    case 'reconnected':
      onReconnected(state, event.now, effects);
      break;
    case 'released':
      if (state.phase === 'draining') leave(state, effects, state.drain!.reason, 'requested');
      break;
    case 'computed':
      onComputed(state, event, effects);
      break;
    case 'abandoned':
      onAbandoned(state, event, effects);
      break;
    case 'over':
      // A run that was stopped or has failed may go on: then this worker is there.
      if (event.isComplete || state.phase === 'draining') leave(state, effects, event.reason, 'over');
      else if (state.phase !== 'joining') startJoining(state, event.now, effects);
      state.lastPulseMs = event.now;
      break;
    case 'refused':
    case 'turned-away':
      leave(state, effects, event.reason, 'refused');
      break;
    case 'failed':
      if (state.phase === 'member' || state.phase === 'draining') {
        say(state, { type: 'failed', message: event.message }, effects);
      }
      leave(state, effects, event.message, 'failed');
      break;
    case 'leave-requested':
      onLeaveRequested(state, event, effects);
      break;
  }
}

function leave(state: SessionState, effects: SessionEffect[], reason: string, cause: ExitCause): void {
  state.phase = 'gone';
  effects.push({ type: 'exit', reason, cause });
}

/** One preparation at a time: the one for the newest term must be the last to end. */
function prepare(state: SessionState, effects: SessionEffect[]): void {
  if (state.isPreparing) return;
  state.isPreparing = true;
  effects.push({ type: 'prepare', term: state.term });
}

function onPrepared(
  state: SessionState,
  event: Extract<SessionEvent, { type: 'prepared' }>,
  effects: SessionEffect[],
): void {
  state.isPreparing = false;
  if (state.phase !== 'preparing') return;
  // It was for a coordinator that has been replaced meanwhile.
  if (event.term !== state.term) prepare(state, effects);
  // A lease taken now could not be begun: the coordinator hears of this worker when it can work.
  else if (state.isComputing) state.isReadyAfterComputing = true;
  else announce(state, event.now, effects);
}

function announce(state: SessionState, now: number, effects: SessionEffect[]): void {
  state.phase = 'member';
  state.isReadyAfterComputing = false;
  state.lastPulseMs = now;
  state.announcedAs = nextSequence(state);
  effects.push({ type: 'announce', term: state.term, sequence: state.announcedAs });
}

/** A worker that is leaving has nothing that a new coordinator could want. */
function onNewTerm(state: SessionState, now: number, effects: SessionEffect[]): void {
  if (state.phase === 'draining') leave(state, effects, state.drain!.reason, 'requested');
  else startJoining(state, now, effects);
}

function startJoining(state: SessionState, now: number, effects: SessionEffect[]): void {
  state.phase = 'joining';
  state.lease = null;
  state.todo = [];
  state.unconfirmed = [];
  state.isReadyAfterComputing = false;
  if (state.isComputing) state.uselessSinceMs ??= now;
  state.lastJoinMs = now;
  effects.push({ type: 'join' });
}

function onTick(state: SessionState, now: number, effects: SessionEffect[]): void {
  const { config } = state;
  if (state.uselessSinceMs !== null && now - state.uselessSinceMs > config.hungMs) {
    const seconds = Math.round(config.hungMs / 1000);
    leave(state, effects, `a computation has not ended ${seconds} s after its lease did`, 'hung');
    return;
  }
  const isOutside = state.phase === 'joining' || state.phase === 'preparing';
  if (isOutside && now - state.lastPulseMs > config.aloneMs) {
    leave(state, effects, aloneReason(config.aloneMs), 'alone');
    return;
  }
  if (state.phase === 'joining') {
    if (now - state.lastJoinMs < joinEveryMs) return;
    state.lastJoinMs = now;
    effects.push({ type: 'join' });
    return;
  }
  if (state.phase === 'draining') {
    onDrainTick(state, now, effects);
    return;
  }
  if (state.phase !== 'member') return;
  if (now - state.lastPulseMs > config.silenceMs) {
    startJoining(state, now, effects);
    return;
  }
  sendHeartbeat(state, now, effects);
  resend(state, now, effects);
}

function sendState(state: SessionState, effects: SessionEffect[]): void {
  const { lease, isComputing } = state;
  say(state, { type: 'heartbeat', leaseId: lease?.leaseId ?? 0, isComputing }, effects);
}

function sendHeartbeat(state: SessionState, now: number, effects: SessionEffect[]): void {
  if (now - state.lastHeartbeatMs < state.config.heartbeatMs) return;
  state.lastHeartbeatMs = now;
  sendState(state, effects);
}

function resend(state: SessionState, now: number, effects: SessionEffect[]): void {
  for (const entry of state.unconfirmed) {
    if (now - entry.sentAtMs < state.config.resendMs) continue;
    entry.sentAtMs = now;
    say(state, entry.result, effects);
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
  effects.push({ type: 'forget-before', version: lease.version });
  computeNext(state, effects);
}

function computeNext(state: SessionState, effects: SessionEffect[]): void {
  if (state.isComputing || !state.lease || state.phase !== 'member') return;
  const node = state.todo.shift();
  if (!node) return;
  state.isComputing = true;
  effects.push({ type: 'compute', lease: state.lease, node });
}

function onComputed(
  state: SessionState,
  event: Extract<SessionEvent, { type: 'computed' }>,
  effects: SessionEffect[],
): void {
  if (state.lease?.leaseId === event.leaseId) {
    for (const result of event.results) {
      state.unconfirmed.push({ result, sentAtMs: event.now });
      say(state, result, effects);
    }
  }
  afterComputing(state, event.now, effects);
}

function onSettled(
  state: SessionState,
  event: Extract<SessionEvent, { type: 'settled' }>,
  effects: SessionEffect[],
): void {
  const { kind, version, node } = event;
  const isSettled = (result: ResultMessage) => isOf(result, event) && sameNode(result.node, node);
  if (!state.unconfirmed.some(({ result }) => isSettled(result))) return;
  state.unconfirmed = state.unconfirmed.filter(({ result }) => !isSettled(result));
  if (rounds[kind].addsGradients) effects.push({ type: 'forget', version, node });
}

/** Whatever is to be heard of this worker is said at once. */
function onReconnected(state: SessionState, now: number, effects: SessionEffect[]): void {
  if (state.phase === 'joining') state.lastJoinMs = Number.NEGATIVE_INFINITY;
  state.lastHeartbeatMs = Number.NEGATIVE_INFINITY;
  if (state.drain?.sentAtMs) state.drain.sentAtMs = Number.NEGATIVE_INFINITY;
  for (const entry of state.unconfirmed) entry.sentAtMs = Number.NEGATIVE_INFINITY;
  // The coordinator was as silent for the time that this worker could not hear it.
  state.lastPulseMs = now;
  onTick(state, now, effects);
}

function onAbandoned(
  state: SessionState,
  event: Extract<SessionEvent, { type: 'abandoned' }>,
  effects: SessionEffect[],
): void {
  if (state.lease?.leaseId === event.leaseId) {
    // Unconfirmed, the lease is sent again by the coordinator if it still stands.
    state.lease = null;
    state.todo = [];
  }
  afterComputing(state, event.now, effects);
}

function afterComputing(state: SessionState, now: number, effects: SessionEffect[]): void {
  state.isComputing = false;
  state.uselessSinceMs = null;
  if (state.phase === 'draining') sendDraining(state, now, effects);
  else if (state.isReadyAfterComputing) announce(state, now, effects);
  else if (state.lease) computeNext(state, effects);
  // Its lease was overtaken: it gets nothing until the coordinator knows that it is free.
  else if (state.phase === 'member') sendState(state, effects);
}

function onLeaveRequested(
  state: SessionState,
  { now, reason }: { now: number; reason: string },
  effects: SessionEffect[],
): void {
  if (state.phase === 'draining') return;
  if (state.phase !== 'member') {
    leave(state, effects, reason, 'requested');
    return;
  }
  state.phase = 'draining';
  state.todo = [];
  state.drain = { reason, sinceMs: now, sentAtMs: null };
  if (state.isComputing) effects.push({ type: 'hand-over' });
  else sendDraining(state, now, effects);
}

function onDrainTick(state: SessionState, now: number, effects: SessionEffect[]): void {
  const { sinceMs, sentAtMs, reason } = state.drain!;
  if (now - sinceMs > state.config.drainMs) {
    say(state, { type: 'bye', reason }, effects);
    leave(state, effects, `${reason}; what it had finished was not taken in time`, 'requested');
    return;
  }
  resend(state, now, effects);
  if (sentAtMs !== null && now - sentAtMs >= state.config.resendMs) sendDraining(state, now, effects);
}

/** Names what is finished, which the coordinator fetches before it lets the worker go. */
function sendDraining(state: SessionState, now: number, effects: SessionEffect[]): void {
  state.drain!.sentAtMs = now;
  const { lease } = state;
  const nodes = lease ? state.unconfirmed.filter((entry) => isOf(entry.result, lease)) : [];
  const { kind, version }: RoundName = lease ?? { kind: 'train', version: 0 };
  say(state, { type: 'draining', kind, version, nodes: nodes.map(({ result }) => result.node) }, effects);
}

type RoundName = Pick<LeasedWork, 'kind' | 'version'>;

const isOf = (result: ResultMessage, round: RoundName): boolean =>
  result.kind === round.kind && result.version === round.version;

/** A round that is on means that the rounds before it are over. A pulse that was overtaken says nothing. */
function onPulse(state: SessionState, round: RoundName): void {
  confirm(state, round);
  if (!state.lease || roundOrder(state.lease) >= roundOrder(round)) return;
  state.lease = null;
  state.todo = [];
}

/** All results of rounds before this one are settled, whatever became of them. */
function confirm(state: SessionState, round: RoundName): void {
  state.unconfirmed = state.unconfirmed.filter(({ result }) => roundOrder(result) >= roundOrder(round));
}
