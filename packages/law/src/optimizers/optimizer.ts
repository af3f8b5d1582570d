/**
 * What an optimizer is: its options, its state vectors, and the numbers that its kernel takes. Its kernel
 * (numerics/assembly) makes the update in one pass over memory; what is here is computed in float64, once for each update,
 * and rounded once. All as PyTorch 2.15 defines it (torch.optim's single-tensor code on the CPU).
 */
import type { EntryOptions, ValuesOf } from '../config/entry-options.ts';

/** Of one update. */
export interface UpdateFacts {
  learningRate: number;
  /** Counts from 1: the number of this commit. */
  updateIndex: number;
}

export interface OptimizerRule<O extends EntryOptions, K extends string> {
  options: O;
  /** The kernel's name. It takes parameters, gradients, its slots, their length, the three scalars of `prepared`, and `scalars`. */
  kernel: K;
  /**
   * One for each state vector that the kernel has a place for: its name, as in PyTorch's state dict, or null where these
   * options need none. All zeros before the first update.
   */
  slots(options: ValuesOf<O>): (string | null)[];
  scalars(options: ValuesOf<O>, update: UpdateFacts): number[];
}

/** Checks an entry, and keeps the types of its options. */
export const defineOptimizer = <O extends EntryOptions, const K extends string>(
  rule: OptimizerRule<O, K>,
): OptimizerRule<O, K> => rule;
