/**
 * Which faults strike, in which order, from a seed. Pure: the same seed gives the same list; what each of them meets is
 * up to the processes, which no seed can hold.
 */
import { permutation, RandomStream } from '@unet-fleet/law';

export type Party = 'worker' | 'coordinator' | 'broker' | 'reducer';

export type Fault =
  /** SIGKILL; whoever supervises it starts it again. */
  | { kind: 'kill'; party: Party }
  /** SIGSTOP, and SIGCONT after a while. */
  | { kind: 'stop'; party: Party; forMs: number }
  /** The connections of a worker or the coordinator to the broker are reset. */
  | { kind: 'cut' }
  /** Cut, and no new ones for a while. */
  | { kind: 'unreachable'; forMs: number }
  /** Connections stay up but carry nothing, one way or both. */
  | { kind: 'stall'; direction: Direction; forMs: number }
  /** Everything takes longer. */
  | { kind: 'delay'; latencyMs: number; forMs: number }
  | { kind: 'join' }
  /** SIGTERM. A worker stays away; a coordinator is started again, as on another node of a cluster. */
  | { kind: 'drain'; party: 'worker' | 'coordinator' };

export type Direction = 'both' | 'to-client' | 'from-client';

export interface PlannedFault {
  fault: Fault;
  /** Which of the workers there are: a share of their number. */
  pick: number;
  /** What is awaited before: the first commit since the last fault, or nothing but time. */
  after: 'commit' | 'pause';
  /** Waited on top, so that faults hit every part of a step, of a start and of a resume. */
  pauseMs: number;
}

/** Leases are 3 s in the runs of the chaos: these are far shorter and well longer. */
const shortStopMs = [100, 1_500] as const;
const longStopMs = [3_500, 6_000] as const;

/**
 * Every kind of fault in fixed proportion to `numKills`, the SIGKILLs of each party, in an order drawn from `seed`.
 * `hasReducers`: there are processes with reducers, a party of their own.
 */
export function planFaults(numKills: number, seed: number, hasReducers = false): PlannedFault[] {
  const draws = new RandomStream('chaos', seed);
  const share = (of: number) => Math.max(1, Math.round(numKills * of));
  const between = ([low, high]: readonly [number, number]) => Math.round(draws.between(low, high));
  const parties: Party[] = [
    'worker',
    'coordinator',
    'broker',
    ...(hasReducers ? (['reducer'] as const) : []),
  ];
  const faults: Fault[] = [
    ...parties.flatMap((party) => [
      ...times(numKills, (): Fault => ({ kind: 'kill', party })),
      ...times(share(0.1), (): Fault => ({ kind: 'stop', party, forMs: between(shortStopMs) })),
      ...times(share(0.03), (): Fault => ({ kind: 'stop', party, forMs: between(longStopMs) })),
    ]),
    ...times(share(0.15), (): Fault => ({ kind: 'cut' })),
    ...times(share(0.05), (): Fault => ({ kind: 'unreachable', forMs: between([500, 4_000]) })),
    ...(['both', 'to-client', 'from-client'] as const).flatMap((direction) =>
      times(share(0.04), (): Fault => ({ kind: 'stall', direction, forMs: between([200, 5_000]) })),
    ),
    ...times(
      share(0.08),
      (): Fault => ({ kind: 'delay', latencyMs: between([5, 200]), forMs: between([500, 4_000]) }),
    ),
    ...times(share(0.15), (): Fault => ({ kind: 'join' })),
    ...times(share(0.15), (): Fault => ({ kind: 'drain', party: 'worker' })),
    ...times(share(0.05), (): Fault => ({ kind: 'drain', party: 'coordinator' })),
  ];
  const order = permutation(faults.length, 'chaos order', seed);
  return Array.from(order, (index) => {
    const chance = draws.uniform();
    // Some strike together with the one before, some during what it left behind, most while steps are made again.
    const after = chance < 0.75 ? 'commit' : 'pause';
    const pauseMs = Math.round(
      chance < 0.75 ? draws.between(0, 300) : chance < 0.87 ? 0 : draws.between(0, 1_500),
    );
    return { fault: faults[index]!, pick: draws.uniform(), after, pauseMs };
  });
}

/** What a fault is called in logs and tables; faults of one name are counted together. */
export function nameOf(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `SIGKILL ${fault.party}`;
    case 'stop':
      return `SIGSTOP ${fault.party} ${fault.forMs < 3_000 ? 'within' : 'beyond'} a lease`;
    case 'stall':
      return fault.direction === 'both' ? 'connection stalled' : `connection stalled ${fault.direction}`;
    case 'cut':
      return 'connection cut';
    case 'unreachable':
      return 'broker unreachable';
    case 'delay':
      return 'connection delayed';
    case 'join':
      return 'worker joins';
    case 'drain':
      return `SIGTERM ${fault.party}`;
  }
}

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
