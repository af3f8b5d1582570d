/**
 * A worker's process: the real session between ports that mirror the product's shell, with toy numerics in place of
 * the engine. What it sends is held against the term that it is in.
 */
import {
  childrenOf,
  coverOf,
  type DownMessage,
  endLeaf,
  firstLeaf,
  leavesOf,
  nodeKey,
  reducerOfBucket,
  sameNode,
  stepPlan,
  type TreeNode,
  type UpMessage,
} from '@unet-fleet/shared';
import { initialSession } from '@unet-fleet/worker/session/session';
import type {
  LeasedWork,
  ResultMessage,
  SessionEffect,
  SessionEvent,
  SessionState,
} from '@unet-fleet/worker/session/types';
import { type Peer, ToyInbox, ToyOutbox } from './bulk.ts';
import type { Cluster } from './cluster.ts';
import { assertSession, sessionFingerprint } from './invariants.ts';
import type { Endpoint } from './network.ts';
import { isFiniteLeaf } from './plans.ts';
import { SimulatedProcess } from './process.ts';
import {
  numParameters,
  numStatistics,
  type ToyLeaf,
  trainLeaf,
  validationLeaf,
  weightsKeyOf,
} from './toy.ts';

type WithoutTime<T> = T extends { now: number } ? Omit<T, 'now'> : never;

const tickMs = 250;
/** Slower is stopped, which is a trouble of its own. */
const slowestLeafMs = 30_000;
const joinTimeoutMs = 2_000;
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

export class WorkerProcess {
  readonly slot: number;
  readonly workerId: string;
  readonly process: SimulatedProcess;
  readonly endpoint: Endpoint;
  readonly session: SessionState;
  /** Multiplies the time of a leaf. */
  slowness = 1;
  readonly #cluster: Cluster;
  readonly #name: string;
  readonly #sharesMemory: boolean;
  #inbox: ToyInbox;
  #outbox = new ToyOutbox();
  #isJoining = false;
  /** Term of what it has prepared for. */
  #memberTerm = 0;
  #weights: { term: number; version: number; key: number } | null = null;
  #computation: Computation | null = null;

  constructor(cluster: Cluster, slot: number, instance: number) {
    const { random, settings } = cluster;
    this.#cluster = cluster;
    this.slot = slot;
    this.#name = `worker-${slot}`;
    this.workerId = `${this.#name}.${instance}`;
    const { clockSkewMs, clockDrift } = settings;
    this.process = new SimulatedProcess(
      cluster,
      this.workerId,
      random.between(0, clockSkewMs),
      1 + random.between(-clockDrift, clockDrift),
    );
    this.process.onCrash = () => this.kill('crashes between two effects');
    this.endpoint = cluster.network.connect(this.process);
    this.#sharesMemory = settings.sharesMemory && random.chance(0.5);
    this.#inbox = this.#newInbox();
    this.session = initialSession(settings.session, this.process.clockMs());
    this.endpoint.onBack = () => this.#feed({ type: 'reconnected' });
    cluster.trace.note(this.workerId, () => 'starts');
    this.process.every(tickMs, () => this.#feed({ type: 'tick' }));
    this.process.after(0, () => this.#feed({ type: 'tick' }));
  }

  #newInbox(): ToyInbox {
    const { network, coordinators } = this.#cluster;
    const peerOf = (name: string): Peer | null => {
      const [term, reducer] = name.split('/').map(Number);
      const coordinator = coordinators.find((candidate) => candidate.term === term);
      const outbox = coordinator?.outbox(reducer!);
      return outbox ? { endpoint: coordinator!.endpoint, outbox, sharesMemory: this.#sharesMemory } : null;
    };
    return new ToyInbox(network, this.endpoint, peerOf, () => {
      this.#cluster.hasSettled = true;
    });
  }

  /** What reducers fetch from. */
  peer(): Peer {
    return { endpoint: this.endpoint, outbox: this.#outbox, sharesMemory: this.#sharesMemory };
  }

  #feed(event: WithoutTime<SessionEvent>): void {
    if (!this.process.isAlive) return;
    const { handleSession, trace, reference, settings } = this.#cluster;
    const effects = handleSession(this.session, { ...event, now: this.process.clockMs() } as SessionEvent);
    trace.mark(effects.length + event.type.length * 64);
    for (const effect of effects) {
      if (!this.process.survivesEffect()) return;
      this.#perform(effect);
    }
    const { plan, buckets } = reference.toy;
    const maxLeaves = Math.max(Math.ceil(plan.batchSize / plan.leafSize), plan.numValidationSamples);
    assertSession(this.session, this.#outbox.numOffers, buckets.length, maxLeaves + settings.numReducers);
  }

  /** What the coordinator, of whatever term, has sent. */
  receive(message: DownMessage): void {
    const { term } = message;
    const isOld = term < this.session.term;
    const before = isOld ? sessionFingerprint(this.session) : '';
    switch (message.type) {
      case 'lease': {
        const { leaseId, kind, step, nodes } = message;
        this.#feed({ type: 'lease', term, lease: { leaseId, kind, step, nodes: [...nodes] } });
        break;
      }
      case 'pulse':
        this.#feed({ type: 'pulse', term, kind: message.kind, step: message.step });
        break;
      case 'dismissed':
      case 'released':
        this.#feed({ type: message.type, term });
        break;
      case 'settled': {
        const { kind, step, node } = message;
        this.#feed({ type: 'settled', term, kind, step, node });
        break;
      }
      case 'over':
        this.#feed({ type: 'over', term, reason: message.reason, isComplete: message.isComplete });
        break;
      case 'refusal':
        this.#feed({ type: 'refused', reason: message.reason });
        break;
    }
    if (!isOld || sessionFingerprint(this.session) === before) return;
    this.#cluster.violate(
      'terms',
      `a ${message.type} of term ${term} changed ${this.workerId}, which is in term ${this.session.term}`,
    );
  }

  #perform(effect: SessionEffect): void {
    const { trace, random } = this.#cluster;
    switch (effect.type) {
      case 'join':
        this.#join();
        return;
      case 'prepare':
        this.process.after(random.between(1, 60), () => {
          void this.#outbox.close();
          this.#outbox = new ToyOutbox();
          this.#inbox = this.#newInbox();
          this.#weights = null;
          this.#memberTerm = effect.term;
          this.#feed({ type: 'prepared', term: effect.term });
        });
        return;
      case 'announce':
        trace.note(this.workerId, () => `is ready for term ${effect.term}`);
        this.#send({
          type: 'ready',
          term: effect.term,
          name: this.#name,
          fingerprint: {
            library: '',
            device: '',
            intraOpThreads: 1,
            precision: 'float32',
            deterministic: true,
          },
          numSamples: 0,
          manifestSha256: '',
          sharesMemory: this.#sharesMemory,
        });
        return;
      case 'send':
        this.#send(effect.message);
        return;
      case 'compute':
        this.#compute(effect.lease, effect.node);
        return;
      case 'hand-over':
        this.#handOver();
        return;
      case 'forget-before':
        this.#outbox.withdraw((key) => key.step >= effect.step);
        return;
      case 'forget': {
        const { step, node } = effect;
        this.#outbox.withdraw((key) => key.step !== step || !sameNode(key, node));
        return;
      }
      case 'exit':
        this.kill(`ends (${effect.cause}): ${effect.reason}`);
        return;
    }
  }

  #send(message: UpMessage): void {
    const { network, coordinators, trace } = this.#cluster;
    const { session } = this;
    if (message.type !== 'heartbeat' && message.type !== 'ready')
      trace.note(this.workerId, () => `sends ${describe(message)}`);
    if (message.term !== session.term) {
      this.#cluster.violate(
        'terms',
        `${this.workerId} of term ${session.term} sends a ${message.type} of term ${message.term}`,
      );
    }
    for (const coordinator of coordinators) {
      network.send(this.endpoint, coordinator.endpoint, () => coordinator.receive(this.workerId, message));
    }
  }

  /** A request to all; the first answer counts. */
  #join(): void {
    if (this.#isJoining) return;
    const { network, coordinators } = this.#cluster;
    if (coordinators.length === 0) return;
    this.#isJoining = true;
    for (const coordinator of coordinators) {
      network.send(this.endpoint, coordinator.endpoint, () => coordinator.join(this));
    }
    this.process.after(joinTimeoutMs, () => {
      this.#isJoining = false;
    });
  }

  /** The answer to a request to join. */
  welcome(term: number): void {
    if (!this.#isJoining) return;
    this.#isJoining = false;
    const before = this.session.term;
    this.#feed({ type: 'welcomed', term });
    if (this.session.term < before) {
      this.#cluster.violate(
        'terms',
        `${this.workerId} went back from term ${before} to ${this.session.term}`,
      );
    }
  }

  #compute(lease: LeasedWork, node: TreeNode): void {
    const { trace } = this.#cluster;
    if (this.#computation)
      this.#cluster.violate('exceptions', `${this.workerId} computes two nodes at a time`);
    const computation: Computation = { lease, node, term: this.#memberTerm, weightsKey: 0, leaves: [] };
    this.#computation = computation;
    trace.note(this.workerId, () => `computes ${lease.kind} node ${nodeKey(node)} of lease ${lease.leaseId}`);
    if (this.#weights?.version === lease.step && this.#weights.term === computation.term) {
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
    const key = { kind: 'weights', term, step: lease.step, level: 0, index: 0 } as const;
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
      this.process.after(0, () => {
        if (this.#computation !== computation) return;
        if (results.some(({ status }) => status === 'rejected')) {
          this.process.after(tickMs, () => this.#abandon(computation, 'the weights could not be had'));
          return;
        }
        computation.weightsKey = weightsKeyOf(parameters, statistics);
        this.#weights = { term, version: lease.step, key: computation.weightsKey };
        this.#next(computation);
      });
    });
  }

  #abandon(computation: Computation, why: string): void {
    if (this.#computation !== computation) return;
    this.#computation = null;
    const { leaseId } = computation.lease;
    this.#cluster.trace.note(this.workerId, () => `leaves lease ${leaseId}: ${why}`);
    this.#feed({ type: 'abandoned', leaseId });
  }

  /** The next leaf of the node, or its end. */
  #next(computation: Computation): void {
    const { reference, random, settings } = this.#cluster;
    const { lease, node, leaves } = computation;
    const { plan } = reference.toy;
    const isTraining = lease.kind === 'train';
    const numLeaves = isTraining ? stepPlan(plan, lease.step).numLeaves : Number.POSITIVE_INFINITY;
    const leaf = firstLeaf(node) + leaves.length;
    const isDone = leaf === (isTraining ? endLeaf(node, numLeaves) : firstLeaf(node) + 1);
    if (isDone) {
      this.#complete(computation, isTraining ? [node] : []);
      return;
    }
    if (this.session.lease?.leaseId !== lease.leaseId) {
      this.#abandon(computation, 'overtaken');
      return;
    }
    const { leastComputeMs, mostComputeMs } = settings;
    const computeMs = random.between(leastComputeMs, mostComputeMs) * this.slowness;
    this.process.after(Math.min(computeMs, slowestLeafMs), () => {
      if (this.#computation !== computation) return;
      leaves.push(
        isTraining
          ? trainLeaf(computation.weightsKey, lease.step, leaf, isFiniteLeaf(reference.toy, lease.step, leaf))
          : validationToyLeaf,
      );
      this.#next(computation);
    });
  }

  #complete(computation: Computation, nodes: TreeNode[]): void {
    const { lease, node, term } = computation;
    const { reference } = this.#cluster;
    if (computation.weightsKey !== reference.weightsKeys[lease.step]) {
      this.#cluster.violate(
        'weights',
        `${this.workerId} computed with weights that are not version ${lease.step}`,
      );
    }
    this.#computation = null;
    const common = { type: 'result', term, kind: lease.kind, step: lease.step, timings: noTimings } as const;
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
      const { numLeaves } = stepPlan(reference.toy.plan, lease.step);
      results = nodes.map((part) => {
        const leaves = leavesOf(part, numLeaves).map((leaf) => computation.leaves[leaf - firstLeaf(node)]!);
        this.#offer(computation, part, numLeaves, leaves);
        return { ...common, node: part, leaves: leaves.map(({ sums }) => sums), confusion: null };
      });
    }
    this.#feed({ type: 'computed', leaseId: lease.leaseId, results });
  }

  /** Breaks the computation off; the finished parts of the node are handed over. */
  #handOver(): void {
    const computation = this.#computation;
    if (!computation) return;
    const { lease, node, leaves } = computation;
    if (lease.kind === 'validation' || leaves.length === 0) {
      this.#abandon(computation, 'it leaves');
      return;
    }
    const { numLeaves } = stepPlan(this.#cluster.reference.toy.plan, lease.step);
    const first = firstLeaf(node);
    this.process.after(0.1, () => {
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
    const gradients = sumOf(node, numLeaves, (leaf) => all[leaf - firstLeaf(whole)]!.gradients);
    const key = { kind: 'gradient', term, step: lease.step, ...node } as const;
    for (const { id, offset, length } of buckets) {
      this.#outbox.offer(key, id, new Uint8Array(gradients.buffer, offset * 4, length * 4));
    }
    const statistics = new Float32Array(numStatistics * leaves.length);
    leaves.forEach((leaf, i) => {
      statistics.set(leaf.statistics, i * numStatistics);
    });
    this.#outbox.offer(key, buckets.length, new Uint8Array(statistics.buffer));
  }

  /** SIGTERM. */
  askToLeave(): void {
    this.process.run(() => this.#feed({ type: 'leave-requested', reason: 'it was asked to' }));
  }

  /** Its data or engine can't be used: the next computation ends it, as it ends the product's. */
  breakDown(): void {
    this.process.run(() => this.#feed({ type: 'failed', message: 'a photo cannot be read' }));
  }

  /** A message that no working worker sends. */
  sendRubbish(): void {
    const { reference, random } = this.#cluster;
    const { term, lease } = this.session;
    const step = lease?.step ?? random.whole(0, reference.steps.length);
    const node = { level: random.whole(0, 3), index: random.whole(0, 20) };
    const sums = { lossSum: 1, weightSum: 1, gradientNorm: 1, isFinite: true };
    const leaves = Array.from({ length: random.whole(9, 12) }, () => sums);
    const kind = lease?.kind ?? 'train';
    this.#send({ type: 'result', term, kind, step, node, leaves, confusion: null, timings: noTimings });
  }

  kill(how: string): void {
    if (!this.process.isAlive) return;
    this.process.kill();
    this.#cluster.network.remove(this.endpoint);
    this.#cluster.workerEnded(this, how);
  }
}

/** Its numbers are computed when it is done. */
const validationToyLeaf: ToyLeaf = {
  gradients: new Float32Array(0),
  statistics: new Float32Array(0),
  sums: { lossSum: 0, weightSum: 0, gradientNorm: 0, isFinite: true },
};

/** left + right in float32, down to the leaves. */
function sumOf(node: TreeNode, numLeaves: number, leafOf: (leaf: number) => Float32Array): Float32Array {
  if (node.level === 0) return leafOf(node.index).slice();
  const [left, right] = childrenOf(node, numLeaves);
  const sum = sumOf(left!, numLeaves, leafOf);
  if (!right) return sum;
  const other = sumOf(right, numLeaves, leafOf);
  for (let i = 0; i < sum.length; i++) sum[i]! += other[i]!;
  return sum;
}

const describe = (message: UpMessage): string =>
  message.type === 'result'
    ? `the result of ${message.kind} node ${nodeKey(message.node)}`
    : message.type === 'draining'
      ? `draining with nodes ${message.nodes.map(nodeKey).join(' ') || 'none'}`
      : message.type;
