/**
 * The product broken on purpose, one rule at a time, by wrapping what the simulator's ports call. A simulator that does
 * not notice would prove nothing.
 */
import type { handle as realHandle } from '@unet-fleet/coordinator/core/handle';
import type { CoreState, Effect, Round } from '@unet-fleet/coordinator/core/types';
import { addToTotals, leavesOf } from '@unet-fleet/law';
import { ArrivalOrderBuckets } from './arrival-order.ts';
import { CredulousInbox, ForgetfulNodes, MixedWeights, RoundsWhenSent, StaleInbox } from './broken-parts.ts';
import type { Mutant } from './cluster.ts';

type Handle = typeof realHandle;

/** A tick that falls into a commit commits again. */
function doubleCommit(real: Handle): Handle {
  const last = new WeakMap<CoreState, Effect>();
  return (state, event) => {
    const effects = real(state, event);
    for (const effect of effects) if (effect.type === 'commit') last.set(state, effect);
    const again = last.get(state);
    if (event.type === 'tick' && state.round?.committing && again) effects.push(again);
    return effects;
  };
}

/** Whoever is removed takes its leaves along: nobody gets them any more. */
function forgottenLease(real: Handle): Handle {
  return (state, event) => {
    for (const member of state.members) {
      const isSilent = event.type === 'tick' && event.now - member.lastSeenMs > state.config.silenceMs;
      const isGone = event.type === 'worker-gone' && event.workerId === member.workerId;
      if (isSilent || isGone) member.lease = null;
    }
    return real(state, event);
  };
}

/** An answer counts although another one for the same leaf has counted. */
function twinCounts(real: Handle): Handle {
  return (state, event) => {
    const { round } = state;
    if (event.type === 'result' && round && round.version === event.version && round.kind === event.kind) {
      for (const leaf of leavesOf(event.node, round.leaves.length)) {
        if (round.leaves[leaf] === 'received') round.leaves[leaf] = 'leased';
      }
    }
    return real(state, event);
  };
}

/** Of whoever has gone nothing is remembered: what it said before is taken for news. */
function goneAgain(real: Handle): Handle {
  return (state, event) => {
    const effects = real(state, event);
    for (const [workerId, { isGone }] of state.peers) if (isGone) state.peers.delete(workerId);
    return effects;
  };
}

/** Who was asked to leave and is removed for its silence may come back to work. */
function backToWork(real: Handle): Handle {
  return (state, event) => {
    const effects = real(state, event);
    for (const peer of state.peers.values()) peer.isSentAway = false;
    return effects;
  };
}

/** A worker that has complained about a leaf is heard about it once more. */
function complainsTwice(real: Handle): Handle {
  const complaints = new WeakMap<Round, Map<string, number>>();
  return (state, event) => {
    const { round } = state;
    if (event.type !== 'worker-failed' || !round) return real(state, event);
    const { workerId, message } = event;
    const known = complaints.get(round) ?? new Map<string, number>();
    complaints.set(round, known);
    const leaf = known.get(workerId);
    if (leaf !== undefined && round.leaves[leaf] !== 'done') {
      state.over = true;
      const { kind, version } = round;
      return [{ type: 'fail', cause: 'worker', message, leaf: { kind, version, leaf } }];
    }
    const numBefore = round.complaints.length;
    const effects = real(state, event);
    if (round.complaints.length > numBefore) known.set(workerId, round.complaints.at(-1)!);
    return effects;
  };
}

/** Of what a step's first pass has come to, before anybody hears of it. */
const changesTotals =
  (change: (firstPass: NonNullable<Round['firstPass']>, state: CoreState) => readonly number[]) =>
  (real: Handle): Handle =>
  (state, event) => {
    const before = state.round;
    const effects = real(state, event);
    const firstPass = state.round?.firstPass;
    if (firstPass && state.round !== before)
      firstPass.totals.splice(0, Number.POSITIVE_INFINITY, ...change(firstPass, state));
    return effects;
  };

function addedAsTheyCame({ totals, answers }: NonNullable<Round['firstPass']>): number[] {
  const added = new Array<number>(totals.length).fill(0);
  for (const { leaves } of answers) addToTotals(added, leaves[0]!);
  return added;
}

const totalsBefore = new WeakMap<CoreState, number[]>();

function ofTheStepBefore({ totals }: { totals: readonly number[] }, state: CoreState): readonly number[] {
  const before = totalsBefore.get(state) ?? totals;
  totalsBefore.set(state, [...totals]);
  return before;
}

export const mutants: Mutant[] = [
  { name: 'double-commit', about: 'a tick that falls into a commit commits again', handle: doubleCommit },
  { name: 'stale-term', about: 'the coordinator takes messages of every term', takesEveryTerm: true },
  {
    name: 'stale-term-worker',
    about: 'a worker takes messages of an old term for current ones',
    handleSession: (real) => (state, event) =>
      real(state, 'term' in event && event.term < state.term ? { ...event, term: state.term } : event),
    hearsCoordinator: (real) => (state, message) => message.term < state.heard.term || real(state, message),
  },
  {
    name: 'arrival-order',
    about: 'gradients are added in the order in which they arrive',
    parameters: (memory, options) => new ArrivalOrderBuckets(memory, options),
  },
  {
    name: 'totals-in-arrival-order',
    about: 'the sums of the first pass are added in the order in which they arrive',
    handle: changesTotals(addedAsTheyCame),
  },
  {
    name: 'totals-of-before',
    about: 'the gradients of a step are computed with the totals of the step before',
    handle: changesTotals(ofTheStepBefore),
  },
  {
    name: 'forgotten-lease',
    about: 'the leaves of a lost worker are never given to another',
    handle: forgottenLease,
  },
  { name: 'gone-again', about: 'an id that has gone is let in again', handle: goneAgain },
  {
    name: 'back-to-work',
    about: 'a worker that was asked to leave and joins anew is given work',
    handle: backToWork,
  },
  {
    name: 'complains-twice',
    about: "a doubled complaint counts as another worker's",
    handle: complainsTwice,
    hears: (real) => (state, workerId, message) =>
      real(state, workerId, message) || message.type === 'failed',
  },
  {
    name: 'hears-late',
    about: 'the coordinator takes messages that are late, doubled or overtaken',
    hears: () => () => true,
  },
  {
    name: 'hears-late-worker',
    about: 'a worker takes messages that are late, doubled or overtaken',
    hearsCoordinator: () => () => true,
  },
  { name: 'early-announcement', about: 'a checkpoint counts before it is durable', announcesEarly: true },
  { name: 'twin-counts', about: 'the answers of both twins count', handle: twinCounts },
  {
    name: 'lost-intervention',
    about: 'a resumed run forgets the changes of its learning rate that are still to come',
    forgetsInterventions: true,
  },
  {
    name: 'early-intervention',
    about: 'a change of the learning rate counts before it is durable',
    keepsInterventionsAfterMs: 300,
  },
  {
    name: 'lost-slots',
    about: "a resumed run begins without the optimizer's memory",
    resumesWithoutSlots: true,
  },
  {
    name: 'kept-reducer',
    about: "a reducer's process goes into a later term with the state that it had in the one before",
    keepsReducersState: true,
  },
  {
    name: 'stale-term-reducer',
    about:
      "a reducer of an older term is heard in a later one, and hears that one's coordinator say what was said before",
    hearsEveryTermOfReducers: true,
  },
  {
    name: 'mixed-weights',
    about: 'the weights of before are computed with, after a fetch that failed halfway',
    weights: MixedWeights,
  },
  {
    name: 'forgotten-node',
    about: "a node's memory is used again before it was fetched",
    nodes: ForgetfulNodes,
  },
  {
    name: 'rounds-when-sent',
    about: 'sums are rounded where they are sent, and not where a worker adds them to others of its own',
    nodes: RoundsWhenSent,
  },
  {
    name: 'stale-file',
    about: 'a fetch is answered with a file of the step before',
    sharedMemoryInbox: StaleInbox,
  },
  {
    name: 'withdrawn-bucket',
    about: 'a bucket that went out early is added although its leaf was not finite and has been emptied',
    sharedMemoryInbox: CredulousInbox,
  },
  {
    name: 'torn-snapshot',
    about: 'a snapshot is taken while the next step is committed',
    snapshotsAfterMs: 100,
  },
  {
    name: 'lock-not-asked',
    about: 'a checkpoint is written without a look at the lock',
    writesWithoutLock: true,
  },
];
