/**
 * The reducers of a simulated coordinator: the product's pool, and at the other end of its calls the product's reducers on
 * a handful of values. A call waits in the line of its reducer, as for a thread.
 */
import { type ReducerFunctions, reducerFunctions } from '@unet-fleet/coordinator/reducer/functions';
import { ReducerPool, type ReducerThread } from '@unet-fleet/coordinator/reducer/pool';
import { Reducer, type ReducerOptions } from '@unet-fleet/coordinator/reducer/reducer';
import { reducerOfBucket, type Version } from '@unet-fleet/law';
import { Link } from '@unet-fleet/shared/threads';
import { type BulkOutbox, reducerPeer, ShmInbox, ShmOutbox } from '@unet-fleet/wire';
import { NetworkInbox, NetworkOutbox } from './bulk.ts';
import type { Cluster } from './cluster.ts';
import type { Endpoint } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import type { Weights } from './reference.ts';
import { numParameters, numStatistics } from './toy.ts';

export class Reducers {
  readonly pool: ReducerPool;
  /** Of the weights that all of them hold between two steps. */
  version = 0;
  readonly #cluster: Cluster;
  readonly #functions: ReducerFunctions[];

  /** `onApplied` is told when all of them hold the next version. */
  constructor(
    cluster: Cluster,
    process: SimulatedProcess,
    endpoint: Endpoint,
    term: number,
    onApplied: () => void,
  ) {
    this.#cluster = cluster;
    const { network, mutant } = cluster;
    const { numReducers, sharesMemory } = cluster.settings;
    const tmpfs = cluster.tmpfsOf(term);
    const { buckets, train } = cluster.reference.toy;
    let numApplied = 0;
    const applied = (version: Version) => {
      if (++numApplied % numReducers > 0) return;
      this.version = version;
      onApplied();
    };
    this.#functions = Array.from({ length: numReducers }, (_, index) => {
      const peer = reducerPeer(term, index);
      const outboxes: BulkOutbox[] = [new NetworkOutbox(network, endpoint, peer)];
      if (sharesMemory) outboxes.push(new ShmOutbox('', 0, peer, tmpfs));
      const options: ReducerOptions = {
        buckets: buckets.filter(({ id }) => reducerOfBucket(id, numReducers) === index),
        statistics: index === 0 ? { bucketId: buckets.length, numStatistics } : null,
        train,
        term,
      };
      const functions = reducerFunctions({
        make: () => newReducer(cluster, options),
        network: new NetworkInbox(network, endpoint),
        sharedMemory: sharesMemory ? new (mutant?.sharedMemoryInbox ?? ShmInbox)('', 0, tmpfs) : null,
        outboxes,
        // There is always something else to do: nobody asks for hashes here.
        turn: () => new Promise(() => {}),
      });
      return {
        ...functions,
        apply: (update, isWatched) => {
          functions.apply(update, isWatched);
          applied(update.scalars.updateIndex);
        },
      };
    });
    this.pool = new ReducerPool(
      this.#functions.map((functions) => threadOf(process, cluster, functions)),
      [],
    );
  }

  load(version: Version, weights: Weights): void {
    this.version = version;
    for (const { load } of this.#functions) load(version, weights);
  }

  /** The weights as they are now. */
  read(): Weights {
    const numSlots = this.#cluster.reference.weights[0]!.slots.length;
    const weights: Weights = {
      parameters: new Float32Array(numParameters),
      statistics: new Float32Array(numStatistics),
      slots: Array.from({ length: numSlots }, () => new Float32Array(numParameters)),
    };
    for (const { save } of this.#functions) save(weights);
    return weights;
  }
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
