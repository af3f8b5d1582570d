/**
 * What is done to the pods of a run, in which order, from a seed. Pure: the same seed gives the same list; which pods
 * there are when it strikes is up to the cluster.
 */
import { permutation, RandomStream } from '@unet-fleet/law';

export type Component = 'worker' | 'coordinator' | 'nats';

export type Disturbance =
  /** As a person does it: `kubectl delete pod`. */
  | { kind: 'delete'; component: Component }
  /** Through the Eviction API, as a drain of its node does it; the API server adds the condition DisruptionTarget. */
  | { kind: 'evict'; component: 'worker' | 'coordinator' }
  /** As the scheduler does it for a pod of higher priority: the condition DisruptionTarget, then deleted. */
  | { kind: 'preempt'; component: 'worker' | 'coordinator' }
  /** completions and parallelism, together. */
  | { kind: 'scale'; by: 1 | -1 }
  /**
   * The node is cut off from the control plane: the object is given up as the garbage collection of pods does it, and
   * replaced, while the process lives on beside its replacement.
   */
  | { kind: 'cut off'; component: 'worker' | 'coordinator' };

export interface Planned {
  disturbance: Disturbance;
  /** Which of the pods there are: a share of their number. */
  pick: number;
  /** Whether a commit since the last one is awaited before; or else it strikes into what that left behind. */
  afterCommit: boolean;
  /** Waited on top. */
  pauseMs: number;
}

/** In twelve, which are dealt again where more are asked for. */
const dozen: readonly Disturbance[] = [
  { kind: 'delete', component: 'worker' },
  { kind: 'evict', component: 'worker' },
  { kind: 'delete', component: 'coordinator' },
  { kind: 'scale', by: 1 },
  { kind: 'preempt', component: 'worker' },
  { kind: 'delete', component: 'nats' },
  { kind: 'cut off', component: 'worker' },
  { kind: 'scale', by: -1 },
  { kind: 'delete', component: 'worker' },
  { kind: 'evict', component: 'worker' },
  { kind: 'delete', component: 'worker' },
  { kind: 'evict', component: 'coordinator' },
];
/** In place of the coordinator's eviction, in turns: each of the kinds happens to it. */
const coordinatorKinds = ['evict', 'cut off', 'preempt'] as const;

/**
 * `numDisturbances` in `numRounds` lists, one per run. After each end of a pod the Job controller waits twice as long
 * before it makes the next, so that a run that takes all of them would be waiting most of the time.
 */
export function planDisturbances(numDisturbances: number, numRounds: number, seed: number): Planned[][] {
  const draws = new RandomStream('kubernetes', seed);
  const rounds: Disturbance[][] = Array.from({ length: numRounds }, () => []);
  for (let i = 0; i < numDisturbances; i++) {
    const round = Math.floor((i * numRounds) / numDisturbances);
    const next = dozen[rounds[round]!.length % dozen.length]!;
    const isVaried = next.kind === 'evict' && next.component === 'coordinator';
    rounds[round]!.push(
      isVaried
        ? { kind: coordinatorKinds[round % coordinatorKinds.length]!, component: 'coordinator' }
        : next,
    );
  }
  return rounds.map((list, round) =>
    Array.from(permutation(list.length, 'kubernetes order', seed, round), (index) => ({
      disturbance: list[index]!,
      pick: draws.uniform(),
      afterCommit: draws.uniform() < 0.7,
      pauseMs: Math.round(draws.between(0, 2_500)),
    })),
  );
}

/** Disturbances of one name are counted together. */
export const nameOf = (disturbance: Disturbance): string =>
  disturbance.kind === 'scale'
    ? `scale ${disturbance.by > 0 ? 'up' : 'down'}`
    : `${disturbance.kind} ${disturbance.component}`;
