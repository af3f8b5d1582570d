/** What the run is doing at this moment, for people. Times are those of the core's clock. */
import { type CoreStatus, type RunState, rounds, stepTo, type WorkerState } from '@unet-fleet/law';
import { awaited, lackOfWorkers } from './awaited.ts';
import { kindNow } from './rounds/index.ts';
import { isLeaving } from './steering.ts';
import { isPaused } from './suspects.ts';
import type { CoreState, Member } from './types.ts';

export const statusOf = (state: CoreState, now: number): CoreStatus => ({
  state: runStateOf(state),
  step: stepTo(state.progress.version),
  workers: state.members.map((member) => ({
    name: member.name,
    workerId: member.workerId,
    state: workerStateOf(state, member, now),
    lastSeenMs: member.lastSeenMs,
    reason: state.suspects.find(({ name }) => name === member.name)?.reason ?? '',
  })),
  awaited: awaited(state),
  isPaused: state.pause !== null,
  stopsAfterEpoch: state.stopAfterEpoch,
});

function runStateOf(state: CoreState): RunState {
  if (state.over) return 'over';
  if (state.ending) return 'writing the last checkpoint';
  if (state.broker) return 'waiting for the broker';
  if (state.pause && !state.round) return 'paused';
  if (lackOfWorkers(state) !== null) return 'waiting for workers';
  return rounds[kindNow(state)].isOfStep ? 'training' : 'validating';
}

function workerStateOf(state: CoreState, member: Member, now: number): WorkerState {
  if (isLeaving(member)) return 'leaving';
  if (member.disconnectedAtMs !== null) return 'cut off';
  if (member.lease) return 'computing';
  if (member.overtakenAtMs !== null) return 'overtaken';
  return isPaused(state, member.name, now) ? 'set aside' : 'idle';
}
