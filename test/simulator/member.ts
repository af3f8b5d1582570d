/**
 * What a simulated worker holds while it is a member of a run: weights of one version, the computation under way, and
 * the gradients that it offers. The product's member, with toy numerics in place of the engine.
 */

import {
  childrenOf,
  coverOf,
  endLeaf,
  firstLeaf,
  leavesOf,
  nodeKey,
  reducerOfBucket,
  sameNode,
  stepPlan,
  type TreeNode,
} from '@unet-fleet/law';
import { combineNodes, type FloatVector, type NumericMemory } from '@unet-fleet/numerics';
import type { LeasedWork, ResultMessage, SessionEvent } from '@unet-fleet/worker/session/types';
import { type Peer, ToyInbox, ToyOutbox } from './bulk.ts';
import type { Cluster } from './cluster.ts';
import { isFiniteLeaf } from './plans.ts';
import {
  numParameters,
  numStatistics,
  type ToyLeaf,
  trainLeaf,
  validationLeaf,
  weightsKeyOf,
} from './toy.ts';
import type { WorkerProcess } from './worker.ts';

type WithoutTime<T> = T extends { now: number } ? Omit<T, 'now'> : never;
type Answer = Extract<SessionEvent, { type: 'computed' | 'abandoned' }>;

/** The product's worker waits as long before it leaves a lease whose weights it could not have. */
const pauseMs = 250;
/** Slower is stopped, which is a trouble of its own. */
const slowestLeafMs = 30_000;
const noTimings = { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 };

/** A computation of a node under way. */
interface Computation {
  lease: LeasedWork;
  node: TreeNode;
  term: number;
  /** Number of the weights that it computes with, once they are here. */
  weightsKey: number;
  leaves: ToyLeaf[];
}

export class ToyMember {
  readonly #cluster: Cluster;
  readonly #worker: WorkerProcess;
  readonly #sharesMemory: boolean;
  readonly #feed: (answer: WithoutTime<Answer>) => void;
  #inbox: ToyInbox;
  #outbox = new ToyOutbox();
  /** What it has prepared for. */
  #term = 0;
  #weights: { term: number; version: number; key: number } | null = null;
  #computation: Computation | null = null;

  constructor(
    cluster: Cluster,
    worker: WorkerProcess,
    sharesMemory: boolean,
    feed: (answer: WithoutTime<Answer>) => void,
  ) {
    this.#cluster = cluster;
    this.#worker = worker;
    this.#sharesMemory = sharesMemory;
    this.#feed = feed;
    this.#inbox = this.#newInbox();
  }

  get numOffers(): number {
    return this.#outbox.numOffers;
  }

  /** Begins anew for a coordinator; a computation under way goes on. */
  prepare(term: number): void {
    void this.#outbox.close();
    this.#outbox = new ToyOutbox();
    this.#inbox = this.#newInbox();
    this.#weights = null;
    this.#term = term;
  }

  #newInbox(): ToyInbox {
    const { network, coordinators } = this.#cluster;
    const peerOf = (name: string): Peer | null => {
      const [term, reducer] = name.split('/').map(Number);
      const coordinator = coordinators.find((candidate) => candidate.term === term);
      const outbox = coordinator?.outbox(reducer!);
      return outbox ? { endpoint: coordinator!.endpoint, outbox, sharesMemory: this.#sharesMemory } : null;
    };
    return new ToyInbox(network, this.#worker.endpoint, peerOf);
  }

  /** What reducers fetch from. */
  peer(): Peer {
    return { endpoint: this.#worker.endpoint, outbox: this.#outbox, sharesMemory: this.#sharesMemory };
  }

  compute(lease: LeasedWork, node: TreeNode): void {
    const { trace } = this.#cluster;
    if (this.#computation)
      this.#cluster.violate('exceptions', `${this.#worker.workerId} computes two nodes at a time`);
    const computation: Computation = { lease, node, term: this.#term, weightsKey: 0, leaves: [] };
    this.#computation = computation;
    trace.note(
      this.#worker.workerId,
      () => `computes ${lease.kind} node ${nodeKey(node)} of lease ${lease.leaseId}`,
    );
    if (this.#weights?.version === lease.version && this.#weights.term === computation.term) {
      computation.weightsKey = this.#weights.key;
      this.#next(computation);
      return;
    }
    this.#fetchWeights(computation);
  }

  /** All buckets of one version, or none. */
  #fetchWeights(computation: Computation): void {
    const { reference, settings } = this.#cluster;
    const { buckets } = reference.toy;
    const { term, lease } = computation;
    this.#weights = null;
    const parameters = new Float32Array(numParameters);
    const statistics = new Float32Array(numStatistics);
    const key = { kind: 'weights', term, version: lease.version, level: 0, index: 0 } as const;
    const fetches = buckets.map(({ id, offset, length }) =>
      this.#inbox.fetch(
        `${term}/${reducerOfBucket(id, settings.numReducers)}`,
        key,
        id,
        new Uint8Array(parameters.buffer, offset * 4, length * 4),
      ),
    );
    fetches.push(this.#inbox.fetch(`${term}/0`, key, buckets.length, new Uint8Array(statistics.buffer)));
    void Promise.allSettled(fetches).then((results) => {
      this.#worker.process.after(0, () => {
        if (this.#computation !== computation) return;
        if (results.some(({ status }) => status === 'rejected')) {
          this.#worker.process.after(pauseMs, () =>
            this.#abandon(computation, 'the weights could not be had'),
          );
          return;
        }
        computation.weightsKey = weightsKeyOf(parameters, statistics);
        this.#weights = { term, version: lease.version, key: computation.weightsKey };
        this.#next(computation);
      });
    });
  }

  #abandon(computation: Computation, why: string): void {
    if (this.#computation !== computation) return;
    this.#computation = null;
    const { leaseId } = computation.lease;
    this.#cluster.trace.note(this.#worker.workerId, () => `leaves lease ${leaseId}: ${why}`);
    this.#feed({ type: 'abandoned', leaseId });
  }

  /** The next leaf of the node, or its end. */
  #next(computation: Computation): void {
    const { reference, random, settings } = this.#cluster;
    const { lease, node, leaves } = computation;
    const { plan } = reference.toy;
    const isTraining = lease.kind === 'train';
    const numLeaves = isTraining ? stepPlan(plan, lease.version).numLeaves : Number.POSITIVE_INFINITY;
    const leaf = firstLeaf(node) + leaves.length;
    const isDone = leaf === (isTraining ? endLeaf(node, numLeaves) : firstLeaf(node) + 1);
    if (isDone) {
      this.#complete(computation, isTraining ? [node] : []);
      return;
    }
    if (this.#worker.session.lease?.leaseId !== lease.leaseId) {
      this.#abandon(computation, 'overtaken');
      return;
    }
    const { leastComputeMs, mostComputeMs } = settings;
    const computeMs = random.between(leastComputeMs, mostComputeMs) * this.#worker.slowness;
    this.#worker.process.after(Math.min(computeMs, slowestLeafMs), () => {
      if (this.#computation !== computation) return;
      leaves.push(
        isTraining
          ? trainLeaf(
              computation.weightsKey,
              lease.version,
              leaf,
              isFiniteLeaf(reference.toy, lease.version, leaf),
            )
          : validationToyLeaf,
      );
      this.#next(computation);
    });
  }

  #complete(computation: Computation, nodes: TreeNode[]): void {
    const { lease, node, term } = computation;
    const reference = this.#cluster.referenceOf(term);
    if (computation.weightsKey !== reference.weightsKeys[lease.version]) {
      this.#cluster.violate(
        'weights',
        `${this.#worker.workerId} computed with weights that are not version ${lease.version}`,
      );
    }
    this.#computation = null;
    const common = {
      type: 'result',
      term,
      kind: lease.kind,
      version: lease.version,
      timings: noTimings,
    } as const;
    let results: ResultMessage[];
    if (lease.kind === 'validation') {
      const { lossSum, weightSum, confusion } = validationLeaf(computation.weightsKey, firstLeaf(node));
      const indices = confusion.flatMap((count, cell) => (count === 0 ? [] : [cell]));
      results = [
        {
          ...common,
          node,
          leaves: [{ lossSum, weightSum, gradientNorm: 0, isFinite: true }],
          confusion: { indices, counts: indices.map((cell) => confusion[cell]!) },
        },
      ];
    } else {
      const { numLeaves } = stepPlan(reference.toy.plan, lease.version);
      results = nodes.map((part) => {
        const leaves = leavesOf(part, numLeaves).map((leaf) => computation.leaves[leaf - firstLeaf(node)]!);
        this.#offer(computation, part, numLeaves, leaves);
        return { ...common, node: part, leaves: leaves.map(({ sums }) => sums), confusion: null };
      });
    }
    this.#feed({ type: 'computed', leaseId: lease.leaseId, results });
  }

  /** Breaks the computation off; the finished parts of the node are handed over. */
  handOver(): void {
    const computation = this.#computation;
    if (!computation) return;
    const { lease, node, leaves } = computation;
    if (lease.kind === 'validation' || leaves.length === 0) {
      this.#abandon(computation, 'it leaves');
      return;
    }
    const { numLeaves } = stepPlan(this.#cluster.reference.toy.plan, lease.version);
    const first = firstLeaf(node);
    this.#worker.process.after(0.1, () => {
      if (this.#computation !== computation) return;
      this.#complete(computation, coverOf(first, first + leaves.length, numLeaves));
    });
  }

  #offer(
    { lease, term, node: whole, leaves: all }: Computation,
    node: TreeNode,
    numLeaves: number,
    leaves: ToyLeaf[],
  ): void {
    const { buckets } = this.#cluster.reference.toy;
    const { memory } = this.#cluster;
    const sum = sumOf(node, numLeaves, memory, (leaf) => all[leaf - firstLeaf(whole)]!.gradients);
    const gradients = sum.view.slice();
    memory.free(sum);
    const key = { kind: 'gradient', term, version: lease.version, ...node } as const;
    for (const { id, offset, length } of buckets) {
      this.#outbox.offer(key, id, new Uint8Array(gradients.buffer, offset * 4, length * 4));
    }
    const statistics = new Float32Array(numStatistics * leaves.length);
    leaves.forEach((leaf, i) => {
      statistics.set(leaf.statistics, i * numStatistics);
    });
    this.#outbox.offer(key, buckets.length, new Uint8Array(statistics.buffer));
  }

  forgetBefore(version: number): void {
    this.#outbox.withdraw((key) => key.version >= version);
  }

  forget(version: number, node: TreeNode): void {
    this.#outbox.withdraw((key) => key.version !== version || !sameNode(key, node));
  }
}

/** Its numbers are computed when it is done. */
const validationToyLeaf: ToyLeaf = {
  gradients: new Float32Array(0),
  statistics: new Float32Array(0),
  sums: { lossSum: 0, weightSum: 0, gradientNorm: 0, isFinite: true },
};

/** The sum of the node's leaves over the tree. */
function sumOf(
  node: TreeNode,
  numLeaves: number,
  memory: NumericMemory,
  leafOf: (leaf: number) => Float32Array,
): FloatVector {
  if (node.level === 0) return memory.from(leafOf(node.index));
  const [left, right] = childrenOf(node, numLeaves);
  const sum = sumOf(left!, numLeaves, memory, leafOf);
  if (!right) return sum;
  const addend = sumOf(right, numLeaves, memory, leafOf);
  combineNodes(sum, addend);
  memory.free(addend);
  return sum;
}
