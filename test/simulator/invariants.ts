/**
 * What must hold after every event, whatever the network and the parties do. A broken one ends the schedule.
 */
import type { CoreState, Effect } from '@unet-fleet/coordinator/core/types';
import { leavesOf, nodeKey, type RunEvent, stepOn } from '@unet-fleet/law';
import type { SessionState } from '@unet-fleet/worker/session/types';
import type { Reference, Weights } from './reference.ts';

export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(message);
    this.invariant = invariant;
  }
}

/** How many workers may have one leaf at a time: its first holder and one twin. */
const maxHolders = 2;

const sameBits = (a: Float32Array, b: Float32Array): boolean => {
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return a.length === b.length;
};

export function assertWeights(reference: Reference, version: number, weights: Weights): void {
  const expected = reference.weights[version];
  if (!expected) throw new Violation('steps', `there is no version ${version}`);
  const { parameters, statistics, slots } = expected;
  const same =
    sameBits(parameters, weights.parameters) &&
    sameBits(statistics, weights.statistics) &&
    slots.every((slot, i) => sameBits(slot, weights.slots[i]!));
  if (same) return;
  throw new Violation(
    'weights',
    `version ${version} has other bits than the reference: ${weights.parameters.join(' ')} | ` +
      `${weights.statistics.join(' ')} instead of ${parameters.join(' ')} | ${statistics.join(' ')}`,
  );
}

/** Leases, leaves and queues of the core, after each event. */
export function assertCore(state: CoreState, maxMembers: number): void {
  const { round } = state;
  if (state.over) return;
  if (state.members.length > maxMembers) {
    throw new Violation('memory', `${state.members.length} members of ${maxMembers} processes`);
  }
  if (!round) return;
  const numLeaves = round.leaves.length;
  const maxEntries = 4 * numLeaves + 4;
  if (round.answers.length > numLeaves || round.collecting.length > numLeaves) {
    throw new Violation('memory', `${round.answers.length} answers of ${numLeaves} leaves`);
  }
  if (state.rejected.length > 16 * maxEntries || round.repeated.length > 64 * maxEntries) {
    throw new Violation('memory', `${state.rejected.length} rejected, ${round.repeated.length} repeated`);
  }
  for (const { workerId, lease } of state.members) {
    if (!lease || (lease.kind === round.kind && lease.version === round.version)) continue;
    throw new Violation('leases', `${workerId} has lease ${lease.leaseId} of a round that is over`);
  }
  for (let leaf = 0; leaf < numLeaves; leaf++) {
    let numHolders = 0;
    for (const { lease } of state.members) {
      for (const { level, index } of lease?.nodes ?? []) {
        if (index << level <= leaf && leaf < (index + 1) << level) numHolders++;
      }
    }
    const leafState = round.leaves[leaf]!;
    if (numHolders > maxHolders) throw new Violation('leases', `leaf ${leaf} has ${numHolders} holders`);
    if (leafState === 'leased' && numHolders === 0) {
      throw new Violation('leases', `leaf ${leaf} is leased to nobody`);
    }
    if (leafState === 'pending' && numHolders > 0) {
      throw new Violation('leases', `leaf ${leaf} is pending though ${numHolders} have it`);
    }
  }
}

/** A commit takes the version on by one, and every leaf counts in it once. */
export function assertCommit(
  reference: Reference,
  state: CoreState,
  version: number,
  effect: Extract<Effect, { type: 'commit' }>,
): void {
  if (effect.version !== version) {
    throw new Violation('steps', `step ${stepOn(effect.version)} is committed on version ${version}`);
  }
  const expected = reference.steps[effect.version];
  if (!expected) throw new Violation('steps', `there is no step ${stepOn(effect.version)}`);
  const counts = new Array<number>(effect.numLeaves).fill(0);
  for (const { node } of state.round?.answers ?? []) {
    for (const leaf of leavesOf(node, effect.numLeaves)) counts[leaf]!++;
  }
  const wrong = counts.findIndex((count) => count !== 1);
  if (wrong >= 0)
    throw new Violation(
      'leaves',
      `leaf ${wrong} of step ${stepOn(effect.version)} counts ${counts[wrong]} times`,
    );
  if (effect.weightSum !== expected.weightSum) {
    throw new Violation(
      'leaves',
      `step ${stepOn(effect.version)} weighs ${effect.weightSum}, not ${expected.weightSum}`,
    );
  }
  if (effect.learningRate !== expected.learningRate) {
    throw new Violation(
      'interventions',
      `step ${stepOn(effect.version)} has rate ${effect.learningRate}, not ${expected.learningRate}`,
    );
  }
  if (effect.skippedLeaves.join() !== expected.skipped.join()) {
    throw new Violation(
      'leaves',
      `step ${stepOn(effect.version)} skips ${effect.skippedLeaves.join() || 'no leaf'}`,
    );
  }
}

/** What a run tells about a step is the reference's, whoever computed it. */
export function assertStepEvent(reference: Reference, event: Extract<RunEvent, { type: 'step' }>): void {
  const expected = reference.steps[event.step - 1]!;
  if (!Object.is(event.loss, expected.loss)) {
    throw new Violation('leaves', `step ${event.step} has loss ${event.loss}, not ${expected.loss}`);
  }
  if (!Object.is(event.gradientNorm, expected.gradientNorm)) {
    throw new Violation(
      'weights',
      `step ${event.step} has norm ${event.gradientNorm}, not ${expected.gradientNorm}`,
    );
  }
}

/** What of a core must not change while the run is paused, and who is to get nothing any more. */
export interface Steered {
  round: CoreState['round'];
  isPaused: boolean;
  leaving: ReadonlySet<string>;
  nextLeaseId: number;
}

/** `leaving`: whom this coordinator has asked to leave, whatever its core remembers of that. */
export const steeredOf = (
  { round, pause, nextLeaseId }: CoreState,
  leaving: ReadonlySet<string>,
): Steered => ({ round, isPaused: pause !== null, leaving, nextLeaseId });

const isOfSameStep = (one: CoreState['round'], other: CoreState['round']): boolean =>
  one?.version === other?.version && one?.kind === 'train' && other?.kind === 'sums';

/** A paused run finishes its step or validation and begins none; a worker that is sent away gets no new lease. */
export function assertSteered(before: Steered, state: CoreState, effects: readonly Effect[]): void {
  const isNewRound = state.round !== before.round && !isOfSameStep(state.round, before.round);
  if (before.isPaused && state.pause && state.round && isNewRound) {
    throw new Violation(
      'pause',
      `${state.round.kind} round ${state.round.version} begins though it is paused`,
    );
  }
  for (const effect of effects) {
    if (effect.type === 'lease') {
      if (state.pause && !state.round && !state.ending) {
        throw new Violation('pause', 'a lease is given though it is paused');
      }
      if (before.leaving.has(effect.workerId) && effect.leaseId >= before.nextLeaseId) {
        throw new Violation(
          'leases',
          `${effect.workerId} gets lease ${effect.leaseId} though it is sent away`,
        );
      }
    }
    if (effect.type === 'emit' && effect.event.type === 'worker-late' && state.pause && !state.round) {
      throw new Violation('pause', `${effect.event.worker} is late in a pause`);
    }
  }
}

export function assertSession(
  state: SessionState,
  numOffers: number,
  numBuckets: number,
  maxLeaves: number,
): void {
  const maxNodes = 2 * maxLeaves;
  if (state.unconfirmed.length > maxNodes || state.todo.length > maxLeaves) {
    throw new Violation(
      'memory',
      `${state.unconfirmed.length} results unconfirmed, ${state.todo.length} nodes to do`,
    );
  }
  if (numOffers > 2 * maxNodes * (numBuckets + 1)) {
    throw new Violation('memory', `a worker offers ${numOffers} buckets`);
  }
}

/** All of a core that a message could change, as text. */
export const coreFingerprint = (state: CoreState): string =>
  JSON.stringify([
    state.progress.version,
    state.members,
    state.round,
    state.nextLeaseId,
    state.ending,
    state.over,
  ]);

export const sessionFingerprint = (state: SessionState): string =>
  [
    state.phase,
    state.term,
    state.lease?.leaseId,
    state.todo.map(nodeKey),
    state.unconfirmed.map(({ result }) => nodeKey(result.node)),
    state.isComputing,
    state.lastPulseMs,
  ].join(';');
