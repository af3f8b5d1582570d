/**
 * The reducers of a simulated coordinator: the real reduction tree and the real optimizer on a handful of values, each
 * behind a line of calls of its own, as the product's threads are.
 */
import type { Effect } from '@unet-fleet/coordinator/core/types';
import { Reducer } from '@unet-fleet/coordinator/reducer/reducer';
import { StatisticsReducer } from '@unet-fleet/coordinator/reducer/statistics';
import { clipNormCoefficient, sumBlocks } from '@unet-fleet/numerics';
import { FetchError, reducerOfBucket, type TreeNode } from '@unet-fleet/shared';
import { ToyInbox, ToyOutbox } from './bulk.ts';
import type { Cluster } from './cluster.ts';
import { assertWeights } from './invariants.ts';
import type { Endpoint } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import type { Reference, Weights } from './reference.ts';
import { numParameters, numStatistics } from './toy.ts';

interface Line {
  reducer: Pick<Reducer, keyof Reducer>;
  statistics: StatisticsReducer | null;
  outbox: ToyOutbox;
  inbox: ToyInbox;
  /** When the call that was sent last arrives. */
  lastCallMs: number;
}

export class Reducers {
  readonly #cluster: Cluster;
  readonly #process: SimulatedProcess;
  readonly #reference: () => Reference;
  readonly #lines: Line[];
  /** Of the weights that all reducers hold between two steps. */
  version = 0;

  /** `reference`: what the weights must be. */
  constructor(
    cluster: Cluster,
    process: SimulatedProcess,
    endpoint: Endpoint,
    term: number,
    reference: () => Reference,
  ) {
    this.#cluster = cluster;
    this.#reference = reference;
    this.#process = process;
    const { numReducers } = cluster.settings;
    const { buckets, train } = cluster.reference.toy;
    const create = cluster.mutant?.reducer ?? ((memory, options) => new Reducer(memory, options));
    const settled = () => {
      cluster.hasSettled = true;
    };
    this.#lines = Array.from({ length: numReducers }, (_, index) => ({
      reducer: create(cluster.memory, {
        buckets: buckets.filter(({ id }) => reducerOfBucket(id, numReducers) === index),
        train,
        term,
      }),
      statistics: index === 0 ? new StatisticsReducer(buckets.length, numStatistics, term) : null,
      outbox: new ToyOutbox(),
      inbox: new ToyInbox(
        cluster.network,
        endpoint,
        (name) => cluster.workers.get(name)?.peer() ?? null,
        settled,
      ),
      lastCallMs: 0,
    }));
  }

  outbox(index: number): ToyOutbox | null {
    return this.#lines[index]?.outbox ?? null;
  }

  load(version: number, { parameters, statistics, slots }: Weights): void {
    this.version = version;
    for (const line of this.#lines) {
      line.reducer.load(version, parameters, slots);
      line.reducer.offerAll(version, [line.outbox]);
      line.statistics?.load(version, statistics);
      line.statistics?.offer(version, [line.outbox]);
    }
    assertWeights(this.#reference(), version, this.read());
  }

  /** The weights as they are now. */
  read(): Weights {
    const numSlots = this.#cluster.reference.weights[0]!.slots.length;
    const weights: Weights = {
      parameters: new Float32Array(numParameters),
      statistics: new Float32Array(numStatistics),
      slots: Array.from({ length: numSlots }, () => new Float32Array(numParameters)),
    };
    for (const { reducer, statistics } of this.#lines) {
      reducer.save(weights.parameters, weights.slots);
      statistics?.save(weights.statistics);
    }
    return weights;
  }

  /** A call waits in the reducer's line; what is sent later arrives later. */
  #call(line: Line, work: () => void): void {
    const { nowMs, random, settings } = this.#cluster;
    const atMs = Math.max(line.lastCallMs, nowMs + random.between(0.05, settings.mostCallMs));
    line.lastCallMs = atMs;
    this.#process.after(atMs - nowMs, work);
  }

  /** `done` gets null, or why the node could not be had. */
  collect(
    peer: string,
    step: number,
    node: TreeNode,
    numLeaves: number,
    done: (reason: string | null) => void,
  ): void {
    let numOpen = 0;
    let reason: string | null = null;
    const settle = (error: unknown) => {
      if (error instanceof FetchError) reason ??= error.message;
      else if (error) this.#cluster.violate('exceptions', `a reducer threw ${(error as Error).stack}`);
      if (--numOpen === 0) done(reason);
    };
    // What a promise leads to happens as an event of its own, so that whatever it throws ends the schedule.
    const follow = (promise: Promise<void>) => {
      const next = (error: unknown) => this.#process.after(0, () => settle(error));
      promise.then(() => next(null), next);
      this.#cluster.hasSettled = true;
    };
    for (const line of this.#lines) {
      const { reducer, statistics, inbox } = line;
      numOpen += statistics ? 2 : 1;
      this.#call(line, () => {
        follow(reducer.collect(inbox, peer, step, node, numLeaves));
        if (statistics) follow(statistics.collect(inbox, peer, step, node, numLeaves));
      });
    }
  }

  /** As the conductor: norm of all, clip, update of each. `done` gets the norm of the mean gradient. */
  commit(effect: Extract<Effect, { type: 'commit' }>, done: (gradientNorm: number) => void): void {
    const { step, numLeaves, weightSum, learningRate, skippedLeaves } = effect;
    const { clip, clipLimit } = this.#cluster.reference.toy.train;
    const scale = weightSum > 0 ? 1 / weightSum : 0;
    const parts: { bucket: number; blocks: Float64Array }[] = [];
    let numOpen = this.#lines.length;
    const apply = () => {
      parts.sort((a, b) => a.bucket - b.bucket);
      const gradientNorm = Math.sqrt(sumBlocks(parts.map(({ blocks }) => blocks))) * scale;
      const normCoefficient = clip === 'norm' ? clipNormCoefficient(clipLimit, gradientNorm) : 1;
      const scalars = { scale, normCoefficient, learningRate, updateIndex: step + 1 };
      numOpen = this.#lines.length;
      for (const line of this.#lines) {
        this.#call(line, () => {
          line.reducer.apply(numLeaves, scalars, [line.outbox]);
          line.statistics?.apply(numLeaves, skippedLeaves);
          line.statistics?.offer(scalars.updateIndex, [line.outbox]);
          if (--numOpen > 0) return;
          this.version = step + 1;
          assertWeights(this.#reference(), this.version, this.read());
          this.#process.after(this.#cluster.random.between(0.05, 1), () => done(gradientNorm));
        });
      }
    };
    for (const line of this.#lines) {
      this.#call(line, () => {
        parts.push(...line.reducer.sumsOfSquares(numLeaves));
        if (--numOpen === 0) apply();
      });
    }
  }

  /** Copies each reducer's ranges into the vectors when the call reaches it. */
  snapshot({ parameters, statistics, slots }: Weights, done: () => void): void {
    let numOpen = this.#lines.length;
    for (const line of this.#lines) {
      this.#call(line, () => {
        line.reducer.save(parameters, slots);
        line.statistics?.save(statistics);
        if (--numOpen === 0) done();
      });
    }
  }

  forgetPeer(peer: string): void {
    for (const line of this.#lines) this.#call(line, () => line.inbox.abandon(peer));
  }
}
