/**
 * How long an answer may take, from how long answers took: nobody has to tune a timeout, and a slow model or machine
 * moves its own limits. Deadlines decide only who computes a leaf, so they may depend on time freely.
 */
import type { RoundKind } from '@unet-fleet/law';
import { numLeavesOf } from './leaves.ts';
import type { CoreState, LeafTimes, Member } from './types.ts';

const windowSize = 64;
/** Of a normal distribution: the standard deviation in units of the median absolute deviation. */
const deviationScale = 1.4826;
/** Late: beyond what nearly all leaves took. The factor keeps even timings from crying wolf at every hiccup. */
const lateSpreads = 4;
const lateFactor = 1.5;
/** Less than this is no wait that a twin could shorten: messages and timers have their own hiccups. */
const leastLateMs = 1_000;
/** Far beyond late, the worker is taken for hung; no pause of a machine lasts that long. */
const hungFactor = 10;
const leastHungMs = 30_000;
/** A worker's first leaves wait for weights, and its engine sets itself up. */
const firstFactor = 8;
/** Until something was measured: long enough for an engine that sets itself up, and another worker may try as well. */
const unmeasuredLateMs = 60_000;
const unmeasuredHungMs = 600_000;

/** From so many leaves on, the first ones of workers no longer count. */
const enoughLeaves = 4;

/** Notes that a leaf took so long; `isFirst`: of its worker, whose engine sets itself up in it. */
export function measure(times: LeafTimes, leafMs: number, isFirst: boolean): void {
  if (isFirst) times.first = [...times.first, leafMs].slice(-windowSize);
  else {
    times.recent[times.next] = leafMs;
    times.next = (times.next + 1) % windowSize;
  }
  const counted = times.recent.length < enoughLeaves ? [...times.first, ...times.recent] : times.recent;
  times.medianMs = median(counted);
  times.spreadMs = deviationScale * median(counted.map((ms) => Math.abs(ms - times.medianMs)));
}

const isMeasured = ({ recent, first }: LeafTimes): boolean => recent.length + first.length > 0;

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/** A leaf without a gradient takes less than one with it: the backward pass is missing. */
const measuredFor = ({ leafTimes }: CoreState, kind: RoundKind): LeafTimes =>
  isMeasured(leafTimes[kind]) ? leafTimes[kind] : leafTimes.train;

/**
 * Whether what the member computes can be late at all: no deadline is shorter. Asked of every member after every event, so
 * it looks at nothing else.
 */
export const mayBeLate = ({ lease }: Member, now: number): boolean =>
  lease !== null && now > lease.awaitedSinceMs + leastLateMs;

/**
 * When what the member computes is late, and when it is taken for hung. Infinity for a member of which nothing is
 * awaited.
 */
export function deadlinesOf(state: CoreState, member: Member): { lateAtMs: number; hungAtMs: number } {
  const { lease } = member;
  const sinceMs = lease?.awaitedSinceMs ?? member.overtakenAtMs ?? Number.POSITIVE_INFINITY;
  const times = measuredFor(state, lease?.kind ?? 'train');
  const { medianMs, spreadMs } = times;
  if (!isMeasured(times)) {
    return { lateAtMs: sinceMs + unmeasuredLateMs, hungAtMs: sinceMs + unmeasuredHungMs };
  }
  const first = lease?.nodes[0];
  const numLeaves = first && state.round ? numLeavesOf(first, state.round.leaves.length) : 1;
  const factor = member.numLeavesDelivered === 0 ? firstFactor : 1;
  const leafMs = Math.max(lateFactor * medianMs, medianMs + lateSpreads * spreadMs);
  const lateMs = Math.max(leastLateMs, factor * numLeaves * leafMs);
  return {
    lateAtMs: sinceMs + lateMs,
    hungAtMs: sinceMs + Math.max(leastHungMs, hungFactor * lateMs),
  };
}
