/**
 * How commits are counted. Weights have a Version: the number of commits that made them, 0 for those that a run begins
 * with. What is computed with weights (a round, a lease, an answer, a gradient) is named by their version. A Step is the
 * n-th commit, from 1, as people, events and files speak of it: it takes the weights from version n - 1 to version n.
 *
 * The two are one apart where it matters, so they are types that can't be taken for each other; a plain number is either.
 */
declare const counts: unique symbol;

export type Version = number & { readonly [counts]?: 'commits so far' };
export type Step = number & { readonly [counts]?: 'the n-th commit' };

/** The step whose gradients are computed with these weights. */
export const stepOn = (version: Version): Step => (version as number) + 1;

/** The step that made these weights; 0 for those that the run begins with. */
export const stepTo = (version: Version): Step => version as number;

/** Of the weights with which the step's gradients are computed. */
export const versionBefore = (step: Step): Version => (step as number) - 1;

type Apart<A, B> = A extends B ? false : true;
type Holds<T extends true> = T;
/** Does not compile where one may stand for the other. */
export type VersionsAreNoSteps = Holds<Apart<Version, Step>> & Holds<Apart<Step, Version>>;
