/**
 * The simulated broker and the ways to it: messages are delayed, overtaken, doubled and lost; a party can be cut off
 * in either direction, with what is sent held back or lost; the broker can die with everything in flight. Delivery is
 * at most once to whoever is connected at that moment, as with NATS, doubles aside.
 */
import type { NetworkOutbox } from './bulk.ts';
import type { SimulatedProcess, World } from './process.ts';
import type { Random } from './random.ts';

export interface Noise {
  leastDelayMs: number;
  mostDelayMs: number;
  /** Now and then a message takes much longer. */
  slowChance: number;
  slowDelayMs: number;
  lossChance: number;
  doubleChance: number;
  /** Copies of a message arrive much later, its sender and its term over or not. */
  lateCopyChance: number;
  mostLateMs: number;
  /** What one party sends arrives in the order in which it was sent. */
  keepsOrder: boolean;
}

export const quiet: Noise = {
  leastDelayMs: 1,
  mostDelayMs: 3,
  slowChance: 0,
  slowDelayMs: 0,
  lossChance: 0,
  doubleChance: 0,
  lateCopyChance: 0,
  mostLateMs: 0,
  keepsOrder: true,
};

export type Block = 'open' | 'hold' | 'lose';

/** One party's connection to the broker. */
export class Endpoint {
  readonly process: SimulatedProcess;
  isConnected = true;
  in: Block = 'open';
  out: Block = 'open';
  /** Messages that wait behind a blocked way or for a new connection. */
  readonly heldIn: (() => void)[] = [];
  readonly heldOut: (() => void)[] = [];
  lastArrivalMs = 0;
  /** Told when the connection is lost, and when it is there again. */
  onLost: () => void = () => {};
  readonly whenBack = new Set<() => void>();

  constructor(process: SimulatedProcess) {
    this.process = process;
  }

  get isBlocked(): boolean {
    return this.in !== 'open' || this.out !== 'open';
  }
}

/** Of one message, at most. */
const mostLateCopies = 3;

/** A client library keeps what is sent while its connection is lost, up to a bound. */
const maxHeld = 2_000;

export class Network {
  readonly #world: World;
  readonly #random: Random;
  /** Of its own, so that a schedule without late copies is drawn as if there were none. */
  readonly #lateRandom: Random;
  readonly #endpoints = new Set<Endpoint>();
  /** Where a peer's offers lie. */
  readonly outboxes = new Map<string, NetworkOutbox>();
  noise: Noise = quiet;
  isUp = true;
  readonly #onDisconnect: (endpoint: Endpoint) => void;
  /** Raised when the broker dies: what was in flight is gone. */
  #epoch = 0;

  /** `onDisconnect` is told when the broker sees a connection close while it lives itself. */
  constructor(world: World, random: Random, lateRandom: Random, onDisconnect: (endpoint: Endpoint) => void) {
    this.#world = world;
    this.#random = random;
    this.#lateRandom = lateRandom;
    this.#onDisconnect = onDisconnect;
  }

  connect(process: SimulatedProcess): Endpoint {
    const endpoint = new Endpoint(process);
    endpoint.isConnected = this.isUp;
    this.#endpoints.add(endpoint);
    return endpoint;
  }

  /** Its process has ended. */
  remove(endpoint: Endpoint): void {
    this.#endpoints.delete(endpoint);
    if (endpoint.isConnected && this.isUp) this.#onDisconnect(endpoint);
    endpoint.isConnected = false;
  }

  /** `again`: brings a copy that arrives late to whoever listens by then. */
  send(from: Endpoint, to: Endpoint, deliver: () => void, again: (() => void) | null = null): void {
    if (!from.process.isAlive) return;
    if (!from.isConnected || from.out === 'hold') {
      if (from.heldOut.length < maxHeld) from.heldOut.push(() => this.send(from, to, deliver, again));
      return;
    }
    const { noise } = this;
    if (again && this.#lateRandom.chance(noise.lateCopyChance)) this.#copy(again);
    if (from.out === 'lose' || this.#random.chance(noise.lossChance)) return;
    this.#carry(from, to, deliver);
    if (this.#random.chance(noise.doubleChance)) this.#carry(from, to, deliver);
  }

  #carry(from: Endpoint, to: Endpoint, deliver: () => void): void {
    const { noise } = this;
    const slowMs = this.#random.chance(noise.slowChance) ? this.#random.unit() * noise.slowDelayMs : 0;
    let atMs = this.#world.nowMs + slowMs + this.#random.between(noise.leastDelayMs, noise.mostDelayMs);
    if (noise.keepsOrder) {
      atMs = Math.max(atMs, from.lastArrivalMs);
      from.lastArrivalMs = atMs;
    }
    const epoch = this.#epoch;
    this.#world.queue.push(atMs, () => {
      if (epoch === this.#epoch) this.arrive(to, deliver);
    });
  }

  #copy(again: () => void): void {
    const random = this.#lateRandom;
    for (let left = random.whole(1, mostLateCopies); left > 0; left--) {
      this.#world.queue.push(this.#world.nowMs + random.unit() * this.noise.mostLateMs, again);
    }
  }

  arrive(to: Endpoint, deliver: () => void): void {
    if (!to.isConnected || to.in === 'lose') return;
    if (to.in === 'hold') {
      if (to.heldIn.length < maxHeld) to.heldIn.push(deliver);
      return;
    }
    to.process.run(deliver);
  }

  /** Cuts a party off; the broker may close its connection some time later. */
  block(
    endpoint: Endpoint,
    direction: 'in' | 'out' | 'both',
    block: Block,
    closesAfterMs: number | null,
  ): void {
    if (direction !== 'out') endpoint.in = block;
    if (direction !== 'in') endpoint.out = block;
    if (closesAfterMs === null) return;
    this.#world.queue.push(this.#world.nowMs + closesAfterMs, () => {
      if (endpoint.isBlocked && endpoint.isConnected && this.isUp) this.#close(endpoint, true);
    });
  }

  unblock(endpoint: Endpoint): void {
    endpoint.in = 'open';
    endpoint.out = 'open';
    if (!endpoint.isConnected) {
      this.#reconnect(endpoint);
      return;
    }
    for (const deliver of endpoint.heldIn.splice(0)) endpoint.process.after(0, deliver);
    for (const send of endpoint.heldOut.splice(0)) send();
  }

  #close(endpoint: Endpoint, isSeen: boolean): void {
    if (!endpoint.isConnected) return;
    endpoint.isConnected = false;
    endpoint.heldIn.length = 0;
    endpoint.process.run(endpoint.onLost);
    if (isSeen) this.#onDisconnect(endpoint);
  }

  /** The client library tries again until it is connected. */
  #reconnect(endpoint: Endpoint): void {
    this.#world.queue.push(this.#world.nowMs + this.#random.between(20, 400), () => {
      if (endpoint.isConnected || !endpoint.process.isAlive || !this.isUp || endpoint.isBlocked) return;
      endpoint.isConnected = true;
      endpoint.process.run(() => {
        for (const tell of endpoint.whenBack) tell();
      });
      for (const send of endpoint.heldOut.splice(0)) send();
    });
  }

  killBroker(): void {
    this.isUp = false;
    this.#epoch++;
    for (const endpoint of this.#endpoints) this.#close(endpoint, false);
  }

  startBroker(): void {
    if (this.isUp) return;
    this.isUp = true;
    for (const endpoint of this.#endpoints) this.#reconnect(endpoint);
  }

  /** Cuts one connection, which comes back by itself. */
  reset(endpoint: Endpoint): void {
    if (!this.isUp || endpoint.isBlocked) return;
    this.#close(endpoint, true);
    this.#reconnect(endpoint);
  }

  /** What is wrong with this connection stays so. */
  forget(endpoint: Endpoint): void {
    if (endpoint.isBlocked) this.#endpoints.delete(endpoint);
  }

  /** From now on every message arrives, once and soon. */
  heal(): void {
    this.noise = quiet;
    this.startBroker();
    for (const endpoint of this.#endpoints) this.unblock(endpoint);
  }
}
