/** From a seed to a schedule: the plan, the cluster's settings, the network's noise, and what happens when. */

import type { UpMessage } from '@unet-fleet/wire';
import { downMessage, upMessage } from '@unet-fleet/wire/protocol/messages';
import type { Settings } from './cluster.ts';
import { type Noise, quiet } from './network.ts';
import { numPlans } from './plans.ts';
import { Random } from './random.ts';
import { type Action, action } from './script.ts';

export interface Schedule {
  /** Of what is drawn while it runs. */
  seed: number;
  planIndex: number;
  settings: Settings;
  noise: Noise;
  script: Action[];
  /** From here on nothing goes wrong any more, and the run has to end. */
  healsAtMs: number;
  /** The workers up to this one come back then; what is wrong with the others stays wrong. */
  numHealed: number;
  /** Processes that ended are started again after a while, as a supervisor does. */
  restarts: boolean;
}

export function scheduleOf(seed: number): Schedule {
  const random = new Random(seed, 2);
  const numWorkers = random.whole(1, 5);
  const healsAtMs = random.between(500, 12_000);
  const settings = settingsFrom(random, numWorkers);
  // Of its own, so that all else of a seed stays what it was without.
  const late = new Random(seed, 5);
  const planIndex = random.whole(0, numPlans - 1);
  const noise = { ...noiseFrom(random), ...latenessFrom(late) };
  const remote = new Random(seed, 9);
  settings.areRemote = remote.chance(0.3);
  const script = withRepeats(scriptFrom(random, numWorkers, healsAtMs), late, numWorkers, healsAtMs);
  return {
    seed,
    planIndex,
    settings,
    noise,
    script: [
      ...script,
      ...cutsOfThoseSentAway(script, new Random(seed, 6), settings, healsAtMs),
      ...(settings.areRemote ? troublesOfReducers(remote, settings, healsAtMs) : []),
    ],
    healsAtMs,
    numHealed: random.chance(0.6) ? numWorkers : random.whole(settings.core.minWorkers, numWorkers),
    restarts: true,
  };
}

function settingsFrom(random: Random, numWorkers: number): Settings {
  // Nobody is called late for less than a second: some leaves take long enough for that.
  const leastComputeMs = random.chance(0.25) ? random.between(100, 600) : random.between(5, 60);
  return {
    core: {
      minWorkers: random.whole(1, Math.min(2, numWorkers)),
      silenceMs: random.between(2_500, 5_000),
      resendMs: random.between(500, 1_000),
      maxLeafAttempts: 50,
      checkpointMs: random.pick([0, 0, 700]),
      onCheckpointFailure: random.pick(['continue', 'continue', 'stop']),
      // Some steps take longer.
      stopMs: 1_500,
    },
    session: {
      heartbeatMs: 500,
      resendMs: random.between(500, 1_000),
      silenceMs: random.between(2_500, 5_000),
      drainMs: random.between(500, 3_000),
      hungMs: 20_000,
      aloneMs: Number.POSITIVE_INFINITY,
    },
    numWorkers,
    numReducers: random.whole(1, 2),
    areRemote: false,
    sharesMemory: random.chance(0.3),
    mostDisconnectMs: random.pick([3, 3, 800, null]),
    seesWorkersEnd: random.chance(0.3),
    leastComputeMs,
    mostComputeMs: leastComputeMs * random.between(1, 3),
    mostWriteMs: random.pick([5, 50, 1_500]),
    mostCallMs: random.pick([1, 1, 10, 100]),
    clockSkewMs: random.pick([0, 1e6]),
    clockDrift: random.pick([0, 0.05]),
  };
}

function noiseFrom(random: Random): Omit<Noise, keyof Lateness> {
  if (random.chance(0.25)) return quiet;
  return {
    leastDelayMs: 0.2,
    mostDelayMs: random.pick([2, 20, 100]),
    slowChance: random.pick([0, 0.02, 0.1]),
    slowDelayMs: random.pick([300, 3_000]),
    lossChance: random.pick([0, 0.01, 0.1]),
    doubleChance: random.pick([0, 0.01, 0.2]),
    keepsOrder: random.chance(0.3),
  };
}

type Lateness = Pick<Noise, 'lateCopyChance' | 'mostLateMs'>;

/** Copies that outlive their senders, their rounds and their terms. */
const latenessFrom = (random: Random): Lateness => ({
  lateCopyChance: random.pick([0, 0, 0.02, 0.1, 0.3]),
  mostLateMs: random.pick([1_000, 5_000, 20_000]),
});

/** What a worker said or was told last arrives once more, most of all after it has gone. */
function withRepeats(script: Action[], random: Random, numWorkers: number, healsAtMs: number): Action[] {
  const all = [...script];
  const add = (atMs: number, text: string) => {
    if (atMs < healsAtMs) all.push(action(atMs, text));
  };
  // Two complaints about the same leaf end a run, so there is one at most.
  if (random.chance(0.2) && !script.some(({ words }) => words[0] === 'break')) {
    add(random.between(0, Math.min(healsAtMs, 3_000)), 'break worker-1');
  }
  for (const { atMs, words } of [...all]) {
    const [verb = '', worker = ''] = words;
    const types = lastTypes[verb];
    if (!types || !worker.startsWith('worker') || random.chance(0.4)) continue;
    for (let left = random.whole(1, 4); left > 0; left--) {
      add(atMs + later(random, 4_000), `repeat ${worker} ${random.pick(types)}`);
    }
  }
  const numOthers = random.chance(0.3) ? random.whole(1, 5) : 0;
  for (let i = 0; i < numOthers; i++) {
    const worker = `worker-${random.whole(1, numWorkers)}`;
    const text = random.chance(0.5)
      ? `repeat ${worker} ${random.pick(saidTypes)}`
      : `retell ${worker} ${random.pick(toldTypes)}`;
    add(random.between(0, Math.min(healsAtMs, 8_000)), text);
  }
  return all;
}

/** A worker that is sent away hears nothing of it, and is taken for lost before it comes back. */
function cutsOfThoseSentAway(
  script: readonly Action[],
  random: Random,
  { core: { silenceMs } }: Settings,
  healsAtMs: number,
): Action[] {
  return script.flatMap(({ atMs, words: [verb, worker = ''] }) => {
    if (verb !== 'send' || random.chance(0.5)) return [];
    const cut = action(Math.max(0, atMs - random.between(0, 50)), `cut ${worker} both lose`);
    const mendedMs = atMs + silenceMs + random.between(500, 4_000);
    return mendedMs < healsAtMs ? [cut, action(mendedMs, `mend ${worker}`)] : [cut];
  });
}

/** Processes with reducers die, stand still, and are cut off. */
function troublesOfReducers(random: Random, { numReducers }: Settings, healsAtMs: number): Action[] {
  const all: Action[] = [];
  const add = (atMs: number, text: string) => {
    if (atMs < healsAtMs) all.push(action(atMs, text));
  };
  for (let left = random.whole(0, 3); left > 0; left--) {
    const reducer = `reducer-${random.whole(1, numReducers)}`;
    const atMs = random.between(0, Math.min(healsAtMs, 6_000));
    const [wrong, right] = random.pick([
      ['kill', null],
      ['kill', null],
      ['stop', 'continue'],
      ['reset', null],
      [`cut ${random.pick(['in', 'out', 'both'])} ${random.pick(['hold', 'lose'])}`, 'mend'],
    ] as const);
    const [verb, ...rest] = wrong.split(' ');
    add(atMs, [verb, reducer, ...rest].join(' '));
    if (right !== null) add(atMs + later(random, 6_000), `${right} ${reducer}`);
  }
  return all;
}

/** What is likely to be on its way still when a worker ends so. */
const lastTypes: Record<string, UpMessage['type'][]> = {
  kill: ['ready', 'heartbeat', 'result'],
  crash: ['ready', 'heartbeat', 'result'],
  drain: ['ready', 'draining', 'result', 'bye'],
  send: ['ready', 'draining', 'result', 'bye'],
  break: ['ready', 'failed', 'failed'],
};

const saidTypes = upMessage.options.map(({ shape }) => shape.type.value);
const toldTypes = downMessage.options.map(({ shape }) => shape.type.value);

/** Kinds of trouble; each adds what goes wrong, and most of the time how it comes right again. */
type Trouble = (
  random: Random,
  atMs: number,
  worker: string,
  add: (atMs: number, text: string) => void,
) => void;

const later = (random: Random, mostMs: number): number => random.between(0, 1) ** 2 * mostMs;

const troubles: Trouble[] = [
  (random, at, worker, add) => {
    add(at, `kill ${worker}`);
    if (random.chance(0.5)) add(at + later(random, 4_000), `start ${worker}`);
  },
  (random, at, worker, add) => {
    add(at, `crash ${worker} after ${random.whole(0, 8)} effects`);
    add(at + later(random, 4_000), `start ${worker}`);
  },
  (random, at, worker, add) => {
    add(at, `drain ${worker}`);
    if (random.chance(0.7)) add(at + later(random, 4_000), `start ${worker}`);
  },
  (random, at, worker, add) => {
    add(at, `stop ${worker}`);
    add(at + later(random, 8_000), `continue ${worker}`);
  },
  (random, at, worker, add) => {
    add(at, `slow ${worker} ${random.pick([3, 20, 200])}`);
    if (random.chance(0.5)) add(at + later(random, 5_000), `slow ${worker} 1`);
  },
  (random, at, worker, add) => {
    const target = random.chance(0.3) ? 'coordinator' : worker;
    const direction = random.pick(['in', 'out', 'both']);
    const closes = random.chance(0.5) ? ` closing after ${random.whole(100, 3_000)}` : '';
    add(at, `cut ${target} ${direction} ${random.pick(['hold', 'lose'])}${closes}`);
    add(at + later(random, 6_000), `mend ${target}`);
  },
  (random, at, worker, add) => add(at, `reset ${random.chance(0.2) ? 'coordinator' : worker}`),
  (random, at, worker, add) => {
    add(at, `jump ${random.chance(0.4) ? 'coordinator' : worker} ${random.pick([700, 4_000, 40_000])}`);
  },
  (random, at, _worker, add) => {
    add(at, 'kill coordinator');
    add(at + later(random, 4_000), 'start coordinator');
  },
  (random, at, _worker, add) => {
    add(at, `crash coordinator after ${random.whole(0, 20)} effects`);
    add(at + later(random, 4_000), 'start coordinator');
  },
  // Taken for dead, replaced, and back.
  (random, at, _worker, add) => {
    const backMs = at + later(random, 8_000);
    add(at, 'stop coordinator-newest');
    if (random.chance(0.7)) add(at + random.between(0, 1) * (backMs - at), 'start coordinator');
    add(backMs, 'continue coordinator-oldest');
  },
  (random, at, _worker, add) => {
    add(at, 'kill broker');
    add(at + later(random, 5_000), 'start broker');
  },
  (_random, at, _worker, add) => add(at, 'drain coordinator'),
  (random, at, _worker, add) => {
    add(at, 'pause coordinator');
    add(at + later(random, 6_000), 'resume coordinator');
  },
  (_random, at, _worker, add) => add(at, 'keep coordinator'),
  (_random, at, _worker, add) => add(at, 'last coordinator'),
  (random, at, worker, add) => {
    add(at, `send ${worker}`);
    if (random.chance(0.7)) add(at + later(random, 4_000), `start ${worker}`);
  },
  // Often the coordinator dies before or just after the change counts.
  (random, at, _worker, add) => {
    add(at, `rate coordinator ${random.pick([0.002, 0.05])}`);
    if (random.chance(0.3)) add(at + later(random, 1_000), `rate coordinator ${random.pick([0.004, 0.3])}`);
    if (random.chance(0.4)) return;
    const killedMs = at + later(random, 600);
    add(
      killedMs,
      random.chance(0.5) ? 'kill coordinator' : `crash coordinator after ${random.whole(0, 8)} effects`,
    );
    add(killedMs + later(random, 2_000), 'start coordinator');
  },
  (_random, at, worker, add) => add(at, `confuse ${worker}`),
  (random, at, _worker, add) => {
    add(at, 'disk fails');
    add(at + later(random, 5_000), 'disk works');
  },
];

function scriptFrom(random: Random, numWorkers: number, healsAtMs: number): Action[] {
  const script: Action[] = [];
  for (let slot = 1; slot <= numWorkers; slot++) {
    script.push(
      action(
        random.chance(0.7) ? random.between(0, 300) : random.between(0, healsAtMs),
        `start worker-${slot}`,
      ),
    );
  }
  script.push(action(random.chance(0.8) ? 0 : random.between(0, 2_000), 'start coordinator'));
  const numTroubles = random.whole(0, 12);
  // Some schedules have much of one kind of trouble: what needs two of it at a time is found there.
  const kinds = random.chance(0.4) ? [random.pick(troubles), random.pick(troubles)] : troubles;
  for (let i = 0; i < numTroubles; i++) {
    const worker = `worker-${random.whole(1, numWorkers)}`;
    const atMs = random.between(0, Math.min(healsAtMs, 6_000));
    random.pick(kinds)(random, atMs, worker, (at, text) => {
      if (at < healsAtMs) script.push(action(at, text));
    });
  }
  // Two complaints about the same leaf end a run, so there is one at most.
  if (random.chance(0.1)) script.push(action(random.between(0, healsAtMs), 'break worker-1'));
  return script;
}
