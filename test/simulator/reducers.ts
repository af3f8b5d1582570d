/**
 * The reducers of a simulated coordinator: the product's pool, and at the other end of its calls the product's reducers on
 * a handful of values. A call waits in the line of its reducer, as for a thread, be it one of the coordinator's or of a
 * process with reducers.
 */

import type { ReducerLost } from '@unet-fleet/coordinator/reducer/failure';
import { type ReducerFunctions, reducerFunctions } from '@unet-fleet/coordinator/reducer/functions';
import { ReducerPool, type ReducerThread } from '@unet-fleet/coordinator/reducer/pool';
import { Reducer, type ReducerOptions } from '@unet-fleet/coordinator/reducer/reducer';
import { offerState } from '@unet-fleet/coordinator/reducer/remote/state';
import { reducerOfBucket, type Version } from '@unet-fleet/law';
import { Link } from '@unet-fleet/shared/threads';
import {
  type BulkOutbox,
  coordinatorIdentity,
  reducerIdentity,
  reducerPeer,
  ShmInbox,
  ShmOutbox,
  statePeer,
} from '@unet-fleet/wire';
import { NetworkInbox, NetworkOutbox } from './bulk.ts';
import type { Cluster } from './cluster.ts';
import { LookClock } from './look-clock.ts';
import type { Endpoint } from './network.ts';
import { SimulatedProcess } from './process.ts';
import { type Home, ReducerProcess } from './reducer-process.ts';
import type { Weights } from './reference.ts';
import { numParameters, numStatistics } from './toy.ts';

export interface ReducersOptions {
  process: SimulatedProcess;
  endpoint: Endpoint;
  term: number;
  /** Told when all of them hold the next version. */
  onApplied(): void;
  /** Told of a process with reducers that is lost. */
  onLost(error: ReducerLost): void;
}

export class Reducers {
  readonly pool: ReducerPool;
  /** In processes of their own; none where they are threads. */
  readonly processes: readonly ReducerProcess[];
  /** Of the weights that all of them hold between two steps. */
  version = 0;
  readonly #cluster: Cluster;
  readonly #term: number;
  /** Where processes find the state that they begin with; null for threads. */
  readonly #states: NetworkOutbox | null;
  readonly #functions: ReducerFunctions[];

  constructor(cluster: Cluster, options: ReducersOptions) {
    this.#cluster = cluster;
    const { endpoint, onApplied, onLost, process, term } = options;
    this.#term = term;
    const { areRemote, numReducers } = cluster.settings;
    let numApplied = 0;
    const applied = (version: Version) => {
      if (++numApplied % numReducers > 0) return;
      this.version = version;
      onApplied();
    };
    const home = { process, endpoint };
    const homes = Array.from({ length: numReducers }, (_, index) =>
      areRemote ? newHome(cluster, `reducer-${index + 1}.${term}`) : home,
    );
    this.#functions = homes.map((home, index) => functionsOf(cluster, home, term, index, applied));
    const threads = homes.map((home, index) => threadOf(home.process, cluster, this.#functions[index]!));
    this.#states = areRemote ? new NetworkOutbox(cluster.network, endpoint, statePeer(term)) : null;
    this.processes = !areRemote
      ? []
      : homes.map((own, place) => {
          const { buckets, statistics } = shareOf(cluster, place);
          return new ReducerProcess(cluster, {
            ...{ onLost, place, term },
            coordinator: home,
            home: own,
            share: { buckets, statistics: statistics?.bucketId ?? null },
            reducer: threads[place]!,
            emptyState: () => emptyWeights(cluster),
          });
        });
    const reducers = areRemote ? this.processes.map(({ remote }) => remote.reducers[0]!) : threads;
    this.pool = new ReducerPool(reducers, []);
  }

  /** Resolves when all hold these weights; those of threads do when it returns. */
  async load(version: Version, weights: Weights): Promise<void> {
    this.version = version;
    if (!this.#states) {
      for (const { load } of this.#functions) load(version, weights);
      return;
    }
    const { buckets } = this.#cluster.reference.toy;
    const all = { buckets, statistics: buckets.length };
    offerState(this.#states, { term: this.#term, version, snapshot: 0 }, weights, all);
    await this.pool.load(version, weights);
    this.#states.withdraw(() => false);
  }

  /** The weights as they are now. */
  read(): Weights {
    const weights = emptyWeights(this.#cluster);
    for (const { save } of this.#functions) save(weights);
    return weights;
  }
}

export function emptyWeights({ reference }: Cluster): Weights {
  const numSlots = reference.weights[0]!.slots.length;
  return {
    parameters: new Float32Array(numParameters),
    statistics: new Float32Array(numStatistics),
    slots: Array.from({ length: numSlots }, () => new Float32Array(numParameters)),
  };
}

function functionsOf(
  cluster: Cluster,
  { process, endpoint }: Home,
  term: number,
  index: number,
  applied: (version: Version) => void,
): ReducerFunctions {
  const { mutant, network, reference, settings } = cluster;
  const { areRemote, sharesMemory } = settings;
  const { train } = reference.toy;
  const tmpfs = cluster.tmpfsOf(term);
  const peer = reducerPeerOf(cluster, term, index);
  const outboxes: BulkOutbox[] = [new NetworkOutbox(network, endpoint, peer)];
  if (sharesMemory) outboxes.push(new ShmOutbox('', 0, peer, tmpfs));
  const options: ReducerOptions = { ...shareOf(cluster, index), train, term, hashSecret: new Uint8Array(32) };
  const functions = reducerFunctions({
    make: () => newReducer(cluster, options),
    network: new NetworkInbox(network, endpoint),
    sharedMemory: sharesMemory ? new (mutant?.sharedMemoryInbox ?? ShmInbox)('', 0, tmpfs) : null,
    outboxes,
    // There is always something else to do: nobody asks for histograms here.
    turn: () => new Promise(() => {}),
    clock: new LookClock(process, tmpfs),
  });
  const before = lastOf.get(cluster)?.get(index);
  lastOf.set(cluster, (lastOf.get(cluster) ?? new Map()).set(index, functions));
  return {
    ...functions,
    load: (version, state) => {
      if (areRemote && mutant?.keepsReducersState) before?.save(state);
      functions.load(version, state);
    },
    apply: (update, isWatched) => {
      functions.apply(update, isWatched);
      applied(update.scalars.updateIndex);
    },
  };
}

/** The newest of each place. */
const lastOf = new WeakMap<Cluster, Map<number, ReducerFunctions>>();

function newHome(cluster: Cluster, name: string): Home {
  const { random, settings } = cluster;
  const { clockDrift, clockSkewMs } = settings;
  const process = new SimulatedProcess(
    cluster,
    name,
    random.between(0, clockSkewMs),
    1 + random.between(-clockDrift, clockDrift),
  );
  return { process, endpoint: cluster.network.connect(process) };
}

/** As a peer of bulk transfers. */
export const reducerPeerOf = ({ settings }: Cluster, term: number, index: number): string =>
  reducerPeer(term, index, settings.areRemote ? reducerIdentity : coordinatorIdentity);

function shareOf(
  { reference, settings }: Cluster,
  index: number,
): Pick<ReducerOptions, 'buckets' | 'statistics'> {
  const { buckets } = reference.toy;
  return {
    buckets: buckets.filter(({ id }) => reducerOfBucket(id, settings.numReducers) === index),
    statistics: index === 0 ? { bucketId: buckets.length, numStatistics } : null,
  };
}

function newReducer({ memory, mutant }: Cluster, options: ReducerOptions): Reducer {
  return new Reducer(memory, options, mutant?.parameters?.(memory, options));
}

type Post = ConstructorParameters<typeof Link>[0];
type Message = Parameters<Post>[0];

/** One end between two simulated threads. */
class End<Theirs extends object> extends Link<Theirs> {
  hear(message: Message, functions: object): void {
    this.take(message, functions);
  }
}

/** A call that is made later arrives later; its answer comes at once. */
function threadOf(
  process: SimulatedProcess,
  { random, settings }: Cluster,
  functions: ReducerFunctions,
): ReducerThread {
  let lastCallMs = 0;
  const caller = new End<ReducerFunctions>((message) => {
    const { nowMs } = process.world;
    lastCallMs = Math.max(lastCallMs, nowMs + random.between(0.05, settings.mostCallMs));
    process.after(lastCallMs - nowMs, () => callee.hear(message, functions));
  });
  const callee = new End((message) => caller.hear(message, {}));
  return caller as unknown as ReducerThread;
}
