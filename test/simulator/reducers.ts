/**
 * The reducers of a simulated coordinator: the real reduction tree and the real optimizer on a handful of values, each
 * behind a line of calls of its own, as the product's threads are.
 */
import type { Effect } from '@unet-fleet/coordinator/core/types';
import { commitStep, type StepOwners } from '@unet-fleet/coordinator/reducer/commit';
import { Reducer, type ReducerOptions } from '@unet-fleet/coordinator/reducer/reducer';
import { reducerOfBucket, stepOn, type TreeNode } from '@unet-fleet/law';
import { FetchError } from '@unet-fleet/wire';
import { ToyInbox, ToyOutbox } from './bulk.ts';
import type { Cluster } from './cluster.ts';
import { assertWeights } from './invariants.ts';
import type { Endpoint } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import type { Reference, Weights } from './reference.ts';
import { numParameters, numStatistics } from './toy.ts';

interface Line {
  reducer: Reducer;
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
    const settled = () => {
      cluster.hasSettled = true;
    };
    this.#lines = Array.from({ length: numReducers }, (_, index) => ({
      reducer: newReducer(cluster, {
        buckets: buckets.filter(({ id }) => reducerOfBucket(id, numReducers) === index),
        statistics: index === 0 ? { bucketId: buckets.length, numStatistics } : null,
        train,
        term,
      }),
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

  load(version: number, weights: Weights): void {
    this.version = version;
    for (const { reducer, outbox } of this.#lines) reducer.load(version, weights, [outbox]);
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
    for (const { reducer } of this.#lines) reducer.save(weights);
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
    version: number,
    node: TreeNode,
    numLeaves: number,
    done: (reason: string | null) => void,
  ): void {
    let numOpen = this.#lines.length;
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
      const { reducer, inbox } = line;
      this.#call(line, () => follow(reducer.collect(inbox, peer, version, node, numLeaves)));
    }
  }

  /** The product's commit, a call to each reducer for the norm and one for the update. `done` gets the norm. */
  commit(effect: Extract<Effect, { type: 'commit' }>, done: (gradientNorm: number) => void): void {
    const { random, reference } = this.#cluster;
    const owners: StepOwners = {
      sumsOfSquares: async (numLeaves) =>
        (await this.#all(({ reducer }) => reducer.sumsOfSquares(numLeaves))).flat(),
      apply: async (update) => {
        await this.#all(
          ({ reducer, outbox }) => reducer.apply(update, [outbox]),
          () => {
            this.version = stepOn(effect.version);
            assertWeights(this.#reference(), this.version, this.read());
          },
        );
      },
    };
    commitStep(owners, effect, reference.toy.train).then(
      (gradientNorm) => this.#process.after(random.between(0.05, 1), () => done(gradientNorm)),
      (error: Error) =>
        this.#process.after(0, () => this.#cluster.violate('exceptions', `a commit threw ${error.stack}`)),
    );
  }

  /** A call to each reducer; resolves with the answers once the last is there, after `last` was called in its event. */
  #all<T>(ask: (line: Line) => T, last: () => void = () => {}): Promise<T[]> {
    return new Promise((resolve) => {
      const answers: T[] = [];
      for (const line of this.#lines) {
        this.#call(line, () => {
          answers.push(ask(line));
          if (answers.length < this.#lines.length) return;
          last();
          resolve(answers);
          this.#cluster.hasSettled = true;
        });
      }
    });
  }

  /** Copies each reducer's ranges into the vectors when the call reaches it. */
  snapshot(weights: Weights): Promise<void> {
    return this.#all(({ reducer }) => reducer.save(weights)).then(() => {});
  }

  forgetPeer(peer: string): void {
    for (const line of this.#lines) this.#call(line, () => line.inbox.abandon(peer));
  }
}

function newReducer({ memory, mutant }: Cluster, options: ReducerOptions): Reducer {
  return new Reducer(memory, options, mutant?.parameters?.(memory, options));
}
