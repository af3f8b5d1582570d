/**
 * Places in the course of a run, in the order of its work: n after its n-th commit, and half a step on when the weights
 * of that commit have been validated. A run that goes on from a checkpoint does all again that lies after it; so what is
 * kept of a run (lines, evaluations, points of curves) stands exactly if its moment is none after the one gone back to.
 */
import { type Step, stepTo, type Version } from '../plan/version.ts';
import type { Progress } from './progress.ts';

export type Moment = number;

export const commitMoment = (step: Step): Moment => step;

/** `step`: that made the weights which are validated. */
export const validationMoment = (step: Step): Moment => (step as number) + 0.5;

/** Weights that are still to be validated are before that. */
export const reachedMoment = ({
  version,
  validationPending,
}: Pick<Progress, 'version' | 'validationPending'>): Moment =>
  validationPending ? commitMoment(stepTo(version)) : validationMoment(stepTo(version));

/** Where a start of the coordinator goes on: it says so first of all, and a validation that is pending is told after it. */
export const resumedMoment = (numStepsDone: Version): Moment => validationMoment(stepTo(numStepsDone));
