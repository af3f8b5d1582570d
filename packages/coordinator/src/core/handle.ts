/**
 * The core's one entry: an event changes the state and says what to do about it. No clock, no I/O, no tensors, so
 * that production, unit tests and the simulator run the same decisions. `handle` owns the state it is given.
 */
import { rounds } from '@unet-fleet/law';
import { sayWhetherWaiting, sayWhoIsLate } from './awaited.ts';
import { brokerBack, brokerLost, stalled } from './broker.ts';
import { afterCheckpoint, afterCheckpointFailure, endIfAsked, keepNow } from './ending.ts';
import { assignLeases, endOldLeases, leaseSeen, resendLeases } from './leases.ts';
import { admit, disconnect, dismiss, drain, fail, leave, releaseDrained, removeLost } from './members.ts';
import { acceptResult, loseNode, nodeReduced } from './results.ts';
import { startRound } from './rounds/index.ts';
import { afterCommit } from './rounds/train.ts';
import { askAgain, askToDrain, changeRate, pause, resume, stopAfterEpoch } from './steering.ts';
import type { CoreEvent, CoreState, Effect } from './types.ts';

export function handle(state: CoreState, event: CoreEvent): Effect[] {
  if (state.over) return [];
  const effects: Effect[] = [];
  const { round } = state;
  react(state, event, effects);
  if (state.over) return effects;
  releaseDrained(state, event.now, effects);
  endIfAsked(state, event.now, effects);
  startRound(state, event.now, effects);
  if (!state.round || state.round !== round) endOldLeases(state, event.now);
  failIfUnlucky(state, effects);
  if (state.over) return effects;
  assignLeases(state, event.now, effects);
  sayWhoIsLate(state, event.now, effects);
  sayWhetherWaiting(state, event.now, effects);
  return effects;
}

function react(state: CoreState, event: CoreEvent, effects: Effect[]): void {
  switch (event.type) {
    case 'tick':
      // While the broker is away silence says nothing, and nothing that is sent arrives.
      if (state.broker) break;
      removeLost(state, event.now, effects);
      resendLeases(state, event.now, effects);
      askAgain(state, event.now, effects);
      break;
    case 'stalled':
      stalled(state, event);
      break;
    case 'worker-ready':
      admit(state, event, effects);
      break;
    case 'worker-gone':
      leave(state, event, effects);
      break;
    case 'worker-disconnected':
      disconnect(state, event);
      break;
    case 'worker-draining':
      drain(state, event, effects);
      break;
    case 'worker-failed':
      fail(state, event, effects);
      break;
    case 'broker-lost':
      brokerLost(state, event, effects);
      break;
    case 'broker-back':
      brokerBack(state, event.now, effects);
      break;
    case 'heartbeat':
      if (!leaseSeen(state, event)) dismiss(state, event.workerId, effects);
      break;
    case 'result':
      acceptResult(state, event, effects);
      break;
    case 'node-reduced':
      nodeReduced(state, event, effects);
      break;
    case 'node-unavailable':
      loseNode(state, event, effects);
      break;
    case 'committed':
      afterCommit(state, event, effects);
      break;
    case 'checkpoint-written':
      afterCheckpoint(state, event, effects);
      break;
    case 'checkpoint-failed':
      afterCheckpointFailure(state, event, effects);
      break;
    case 'stop-requested':
      state.stopSinceMs ??= event.now;
      break;
    case 'pause-requested':
      pause(state, event, effects);
      break;
    case 'resume-requested':
      resume(state, event, effects);
      break;
    case 'checkpoint-requested':
      keepNow(state, event, effects);
      break;
    case 'drain-requested':
      askToDrain(state, event, effects);
      break;
    case 'stop-after-epoch':
      stopAfterEpoch(state, event, effects);
      break;
    case 'learning-rate':
      changeRate(state, event, effects);
      break;
  }
}

/** A leaf that takes every worker down with it would do so for ever. */
function failIfUnlucky(state: CoreState, effects: Effect[]): void {
  const { maxLeafAttempts } = state.config;
  const leaf = state.round?.attempts.findIndex((attempts) => attempts >= maxLeafAttempts) ?? -1;
  if (leaf < 0) return;
  const { kind, version } = state.round!;
  state.over = true;
  effects.push({
    type: 'fail',
    cause: 'leaf',
    message:
      `leaf ${leaf} of ${rounds[kind].nameOf(version)} was lost with its worker ${maxLeafAttempts} times: see the workers' last ` +
      'lines in the log for the reason, then continue with --resume',
    leaf: { kind, version, leaf },
  });
}
