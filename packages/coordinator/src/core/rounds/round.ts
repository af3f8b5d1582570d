/** A round: one version of the weights, and the leaves to compute with it. What differs by kind is in the files beside. */
import { planWith, type RoundKind, rounds, stepPlan, stepsPerEpoch } from '@unet-fleet/law';
import type { CoreEvent, CoreState, Effect, Round } from '../types.ts';

/** What the coordinator does in a round of one kind. */
export interface CoreRound {
  /** Whether it comes next, between two rounds; the first of roundKinds that is due does. */
  isDue(state: CoreState): boolean;
  /** It has just been opened. */
  begun(state: CoreState, round: Round, effects: Effect[]): void;
  /** Whether an answer has what one of this round must have; its node and the number of its leaves are right. */
  isWellFormed(state: CoreState, round: Round, answer: Result): boolean;
  /** An answer without gradients counts. */
  counted?(round: Round, answer: Result, effects: Effect[]): void;
  /** All leaves are done. */
  complete(state: CoreState, round: Round, now: number, effects: Effect[]): void;
}

export type Result = Extract<CoreEvent, { type: 'result' }>;

/** On the weights that there are. `begunAtMs`: of a step that has another round before this one. */
export function openRound(state: CoreState, kind: RoundKind, begunAtMs: number): Round {
  const { plan } = state.config;
  const { version } = state.progress;
  const { numLeaves, numImages } = rounds[kind].leavesOf(plan, version);
  state.round = {
    kind,
    version,
    startedAtMs: begunAtMs,
    leaves: new Array(numLeaves).fill('pending'),
    attempts: new Array(numLeaves).fill(0),
    sums: new Array(numLeaves).fill(null),
    numImages,
    numImagesDone: 0,
    answers: [],
    collecting: [],
    repeated: [],
    complaints: [],
    confusion: null,
    firstPass: null,
    committing: false,
  };
  return state.round;
}

/** Of the first round of a step. */
export function beginStep(state: CoreState, { version }: Round, effects: Effect[]): void {
  const { plan } = state.config;
  const { epoch, stepInEpoch } = stepPlan(plan, version);
  if (epoch === state.epochSaid) return;
  state.epochSaid = epoch;
  effects.push({
    type: 'emit',
    event: {
      type: 'epoch-started',
      epoch: epoch + 1,
      numEpochs: planWith(plan, state.interventions).epochs,
      numSteps: stepsPerEpoch(plan),
      firstStep: stepInEpoch + 1,
    },
  });
}
