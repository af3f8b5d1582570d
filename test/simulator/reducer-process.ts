/**
 * A simulated process with one reducer, at both ends: the product's dialogue, calls and state between a coordinator and a
 * process that may be killed, stopped and cut off. Copies of packets that come late come to whoever has this place by then.
 */
import type { ReducerLost } from '@unet-fleet/coordinator/reducer/failure';
import type { ReducerThread } from '@unet-fleet/coordinator/reducer/pool';
import { decodeCall } from '@unet-fleet/coordinator/reducer/remote/calls';
import { RemoteProcess } from '@unet-fleet/coordinator/reducer/remote/remote-process';
import { ServedReducer } from '@unet-fleet/coordinator/reducer/remote/served-reducer';
import { fetchState } from '@unet-fleet/coordinator/reducer/remote/state';
import type { StateShare } from '@unet-fleet/coordinator/reducer/share';
import { Dialogue, type Packet } from '@unet-fleet/wire';
import { NetworkInbox, NetworkOutbox } from './bulk.ts';
import type { Cluster } from './cluster.ts';
import type { Endpoint } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import type { Weights } from './reference.ts';

const lookMs = 500;
/** Small enough that most calls take several packets. */
const pieceBytes = 48;

export interface Home {
  process: SimulatedProcess;
  endpoint: Endpoint;
}

export interface ReducerProcessOptions {
  /** The coordinator's. */
  coordinator: Home;
  /** Its own. */
  home: Home;
  /** From 0. */
  place: number;
  term: number;
  share: StateShare;
  reducer: ReducerThread;
  emptyState(): Weights;
  onLost(error: ReducerLost): void;
}

/** The newest of each place. */
const newest = new WeakMap<Cluster, Map<number, ReducerProcess>>();

export class ReducerProcess {
  readonly process: SimulatedProcess;
  readonly endpoint: Endpoint;
  readonly remote: RemoteProcess;
  readonly term: number;
  readonly #coordinator: Endpoint;
  readonly #cluster: Cluster;
  readonly #dialogue: Dialogue;

  constructor(cluster: Cluster, options: ReducerProcessOptions) {
    const { coordinator, home, place, reducer, share, term } = options;
    const { network, settings } = cluster;
    this.#cluster = cluster;
    this.term = term;
    this.#coordinator = coordinator.endpoint;
    this.process = home.process;
    this.endpoint = home.endpoint;
    const inbox = new NetworkInbox(network, coordinator.endpoint);
    const { name } = home.process;
    this.remote = new RemoteProcess(this.#way(coordinator.endpoint, home.endpoint, place, 'hear'), {
      ...{ name, pieceBytes, term },
      id: name,
      shares: [share],
      silenceMs: settings.core.silenceMs,
      clock: coordinator.process,
      carrier: {
        fetch: (peer, snapshot, state) =>
          fetchState(inbox, peer, { term, version: 0, snapshot }, state, share),
      },
      listener: { onFault: () => {}, onWait: () => {} },
      onLost: (error) => {
        inbox.cancel(name);
        options.onLost(error);
      },
    });
    const bulk = {
      inbox: new NetworkInbox(network, home.endpoint),
      outbox: new NetworkOutbox(network, home.endpoint, name),
    };
    const served = new ServedReducer({
      ...{ reducer, share, term },
      thread: 0,
      bulk: async () => bulk,
      newState: options.emptyState,
      send: (bytes) => this.#dialogue.send(bytes),
      onDied: (error) => cluster.broken(error),
    });
    this.#dialogue = new Dialogue(this.#way(home.endpoint, coordinator.endpoint, place, 'answered'), {
      ...{ term, pieceBytes, clock: home.process },
      receive: (message) => served.hear(decodeCall(message)!.message),
    });
    coordinator.endpoint.whenBack.add(() => this.remote.reconnected());
    home.endpoint.whenBack.add(() => this.#dialogue.reconnected());
    coordinator.process.every(lookMs, () => {
      if (coordinator.endpoint.isConnected) this.remote.look();
    });
    const places = newest.get(cluster) ?? new Map<number, ReducerProcess>();
    newest.set(cluster, places.set(place, this));
  }

  /** The coordinator's packets, and its own. */
  hear(packet: Packet): void {
    this.#cluster.hasSettled = true;
    this.#dialogue.take(packet);
  }

  answered(packet: Packet): void {
    this.#cluster.hasSettled = true;
    this.remote.take(packet);
  }

  kill(how: string): void {
    if (!this.process.isAlive) return;
    this.#cluster.trace.note(this.process.name, () => how);
    this.process.kill();
    this.#dialogue.close();
    this.#cluster.network.remove(this.endpoint);
  }

  #way(from: Endpoint, to: Endpoint, place: number, take: 'hear' | 'answered') {
    const { network } = this.#cluster;
    const cluster = this.#cluster;
    return {
      link: {
        get isUp() {
          return from.isConnected;
        },
      },
      send: (packet: Packet) => {
        const again = () => {
          const now = newest.get(cluster)!.get(place)!;
          const term = cluster.mutant?.hearsEveryTermOfReducers ? now.term : packet.term;
          const arrivesAt = take === 'hear' ? now.endpoint : now.#coordinator;
          network.arrive(arrivesAt, () => now[take]({ ...packet, term }));
        };
        network.send(from, to, () => this[take](packet), again);
      },
    };
  }
}
