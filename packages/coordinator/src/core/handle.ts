/**
 * The core's one entry: an event changes the state and says what to do about it. No clock, no I/O, no tensors, so
 * that production, unit tests and the simulator run the same decisions. `handle` owns the state it is given.
 */
import { assignLeases, dropLease, leaseSeen, resendLeases } from './leases.ts';
import { acceptResult, loseNode, nodeReduced } from './results.ts';
import { afterCheckpoint, afterCommit, requestStop, startRound } from './rounds.ts';
import type { CoreEvent, CoreState, Effect } from './types.ts';

export function handle(state: CoreState, event: CoreEvent): Effect[] {
  if (state.over) return [];
  const effects: Effect[] = [];
  switch (event.type) {
    case 'tick':
      removeSilent(state, event.now, effects);
      resendLeases(state, event.now, effects);
      break;
    case 'worker-ready':
      admit(state, event, effects);
      break;
    case 'worker-gone':
      remove(state, event.workerId, event.reason, effects);
      break;
    case 'heartbeat':
      if (!leaseSeen(state, event)) effects.push({ type: 'dismiss', workerId: event.workerId });
      break;
    case 'result':
      acceptResult(state, event, effects);
      break;
    case 'node-reduced':
      nodeReduced(state, event, effects);
      break;
    case 'node-unavailable':
      loseNode(state, event);
      break;
    case 'leaf-failed':
      fail(state, effects, event.message);
      break;
    case 'committed':
      afterCommit(state, event, effects);
      break;
    case 'checkpoint-written':
      afterCheckpoint(state, event.step, effects);
      break;
    case 'stop-requested':
      requestStop(state, effects);
      break;
  }
  if (state.over) return effects;
  startRound(state, event.now, effects);
  const unlucky =
    state.round?.attempts.findIndex((attempts) => attempts >= state.config.maxLeafAttempts) ?? -1;
  if (unlucky >= 0) {
    fail(
      state,
      effects,
      `leaf ${unlucky} of step ${state.round!.step + 1} was lost with its worker ${state.config.maxLeafAttempts} ` +
        "times: see the workers' last lines in the log for the reason, then continue with --resume",
    );
    return effects;
  }
  assignLeases(state, event.now, effects);
  sayWhetherWaiting(state, effects);
  return effects;
}

function fail(state: CoreState, effects: Effect[], message: string): void {
  state.over = true;
  effects.push({ type: 'fail', message });
}

function admit(
  state: CoreState,
  event: { now: number; workerId: string; name: string },
  effects: Effect[],
): void {
  const known = state.members.find((member) => member.workerId === event.workerId);
  if (known) {
    // It joined anew under the same term: whatever it was leased is lost to it.
    dropLease(state, known);
    known.lastSeenMs = event.now;
    return;
  }
  state.members.push({
    workerId: event.workerId,
    name: event.name,
    lastSeenMs: event.now,
    lease: null,
  });
  effects.push({
    type: 'emit',
    event: {
      type: 'worker-joined',
      worker: event.name,
      numWorkers: state.members.length,
      numLeaves: Math.ceil(state.config.plan.batchSize / state.config.plan.leafSize),
    },
  });
}

function remove(state: CoreState, workerId: string, reason: string, effects: Effect[]): void {
  const index = state.members.findIndex((member) => member.workerId === workerId);
  if (index < 0) return;
  const [member] = state.members.splice(index, 1);
  dropLease(state, member!);
  effects.push({
    type: 'emit',
    event: { type: 'worker-left', worker: member!.name, reason, numWorkers: state.members.length },
  });
}

function removeSilent(state: CoreState, now: number, effects: Effect[]): void {
  const silent = state.members.filter((member) => now - member.lastSeenMs > state.config.silenceMs);
  for (const member of silent) {
    const seconds = Math.round((now - member.lastSeenMs) / 1000);
    remove(state, member.workerId, `no sign of life for ${seconds} s`, effects);
    effects.push({ type: 'dismiss', workerId: member.workerId });
  }
}

/** Says once that the run waits, and for whom. */
function sayWhetherWaiting(state: CoreState, effects: Effect[]): void {
  const { minWorkers } = state.config;
  const numWorkers = state.members.length;
  const reason =
    state.ending === null && numWorkers < Math.max(1, minWorkers)
      ? `${numWorkers} of at least ${Math.max(1, minWorkers)} workers are here`
      : null;
  if (reason !== null && reason !== state.waitingSaid) {
    effects.push({ type: 'emit', event: { type: 'waiting', reason, numWorkers, minWorkers } });
  }
  state.waitingSaid = reason;
}
