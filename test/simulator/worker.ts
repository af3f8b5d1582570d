/**
 * A worker's process: the real session between ports that mirror the product's shell, with toy numerics in place of
 * the engine. What it sends is held against the term that it is in.
 */
import { nodeKey } from '@unet-fleet/law';
import type { DownMessage, UpMessage } from '@unet-fleet/wire';
import { nextSequence } from '@unet-fleet/worker/session/conversation';
import { initialSession } from '@unet-fleet/worker/session/session';
import type { SessionEffect, SessionEvent, SessionState } from '@unet-fleet/worker/session/types';
import type { Peer } from './bulk.ts';
import type { Cluster, LastWords } from './cluster.ts';
import { assertSession, sessionFingerprint } from './invariants.ts';
import { ToyMember } from './member.ts';
import type { Endpoint } from './network.ts';
import { SimulatedProcess } from './process.ts';

type WithoutTime<T> = T extends { now: number } ? Omit<T, 'now'> : never;

const tickMs = 250;
const joinTimeoutMs = 2_000;
const noTimings = { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 };

export class WorkerProcess {
  readonly slot: number;
  readonly workerId: string;
  readonly process: SimulatedProcess;
  readonly endpoint: Endpoint;
  readonly session: SessionState;
  readonly lastWords: LastWords;
  /** Multiplies the time of a leaf. */
  slowness = 1;
  readonly #cluster: Cluster;
  readonly #name: string;
  readonly #sharesMemory: boolean;
  readonly #member: ToyMember;
  #isJoining = false;
  /** The newest message of a coordinator that has arrived here. */
  #newest = { term: 0, sequence: 0 };

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
    this.lastWords = cluster.lastWordsOf(this.#name);
    this.#member = new ToyMember(cluster, this, this.#sharesMemory, (event) => this.#feed(event));
    this.session = initialSession(settings.session, this.process.now());
    this.endpoint.onBack = () => this.#feed({ type: 'reconnected' });
    cluster.trace.note(this.workerId, () => 'starts');
    this.process.every(tickMs, () => this.#feed({ type: 'tick' }));
    this.process.after(0, () => this.#feed({ type: 'tick' }));
  }

  /** What reducers fetch from. */
  peer(): Peer {
    return this.#member.peer();
  }

  #feed(event: WithoutTime<SessionEvent>): void {
    if (!this.process.isAlive) return;
    const { handleSession, trace, reference, settings } = this.#cluster;
    const effects = handleSession(this.session, { ...event, now: this.process.now() } as SessionEvent);
    trace.mark(effects.length + event.type.length * 64);
    for (const effect of effects) {
      if (!this.process.survivesEffect()) return;
      this.#perform(effect);
    }
    const { plan, buckets } = reference.toy;
    const maxLeaves = Math.max(Math.ceil(plan.batchSize / plan.leafSize), plan.numValidationSamples);
    assertSession(this.session, this.#member.numOffers, buckets.length, maxLeaves + settings.numReducers);
  }

  /** What the coordinator, of whatever term, has sent. */
  receive(message: DownMessage): void {
    const { term, sequence } = message;
    const newest = this.#newest;
    const isOld = term < this.session.term || term < newest.term;
    const isLate = isOld || (term === newest.term && sequence <= newest.sequence);
    if (!isLate) this.#newest = { term, sequence };
    if (!this.#cluster.hearsCoordinator(this.session, message)) return;
    const before = isLate ? sessionFingerprint(this.session) : '';
    switch (message.type) {
      case 'lease': {
        const { leaseId, kind, version, nodes } = message;
        this.#feed({ type: 'lease', term, lease: { leaseId, kind, version, nodes: [...nodes] } });
        break;
      }
      case 'pulse':
        this.#feed({ type: 'pulse', term, kind: message.kind, version: message.version });
        break;
      case 'dismissed':
        this.#feed({ type: 'dismissed', term, heard: message.heard });
        break;
      case 'drain':
      case 'released':
        this.#feed({ type: message.type, term });
        break;
      case 'settled': {
        const { kind, version, node } = message;
        this.#feed({ type: 'settled', term, kind, version, node });
        break;
      }
      case 'over':
        this.#feed({ type: 'over', term, reason: message.reason, isComplete: message.isComplete });
        break;
      case 'refusal':
        this.#feed({ type: 'turned-away', term, reason: message.reason });
        break;
    }
    if (!isLate || sessionFingerprint(this.session) === before) return;
    this.#cluster.violate(
      isOld ? 'terms' : 'order',
      `a late ${message.type} of term ${term} changed ${this.workerId}, which is in term ${this.session.term}`,
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
          this.#member.prepare(effect.term);
          this.#feed({ type: 'prepared', term: effect.term });
        });
        return;
      case 'announce':
        trace.note(this.workerId, () => `is ready for term ${effect.term}`);
        this.#send({
          type: 'ready',
          term: effect.term,
          sequence: effect.sequence,
          name: this.#name,
          fingerprint: {
            library: '',
            device: '',
            intraOpThreads: 1,
            decoder: 'sharp',
            settings: '',
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
        this.#member.compute(effect.lease, effect.node);
        return;
      case 'hand-over':
        this.#member.handOver();
        return;
      case 'forget-before':
        this.#member.forgetBefore(effect.version);
        return;
      case 'forget':
        this.#member.forget(effect.version, effect.node);
        return;
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
    const { workerId } = this;
    this.lastWords.said.set(message.type, { workerId, message });
    const again = () => this.#cluster.saidAgain(workerId, message);
    for (const coordinator of coordinators) {
      network.send(this.endpoint, coordinator.endpoint, () => coordinator.receive(workerId, message), again);
    }
  }

  /** A request to all; the first answer counts. */
  #join(): void {
    if (this.#isJoining) return;
    const { network, coordinators } = this.#cluster;
    if (coordinators.length === 0) return;
    this.#isJoining = true;
    const again = () => {
      for (const { endpoint, join } of coordinators) network.arrive(endpoint, () => join(this));
    };
    for (const { endpoint, join } of coordinators) {
      network.send(this.endpoint, endpoint, () => join(this), again);
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
    const version = lease?.version ?? random.whole(0, reference.steps.length);
    const node = { level: random.whole(0, 3), index: random.whole(0, 20) };
    const sums = { lossSum: 1, weightSum: 1, gradientNorm: 1, isFinite: true };
    const leaves = Array.from({ length: random.whole(9, 12) }, () => sums);
    const kind = lease?.kind ?? 'train';
    const sequence = nextSequence(this.session);
    this.#send({
      type: 'result',
      term,
      sequence,
      kind,
      version,
      node,
      leaves,
      confusion: null,
      timings: noTimings,
    });
  }

  kill(how: string): void {
    if (!this.process.isAlive) return;
    this.process.kill();
    this.#cluster.network.remove(this.endpoint);
    this.#cluster.workerEnded(this, how);
  }
}

const describe = (message: UpMessage): string =>
  message.type === 'result'
    ? `the result of ${message.kind} node ${nodeKey(message.node)}`
    : message.type === 'draining'
      ? `draining with nodes ${message.nodes.map(nodeKey).join(' ') || 'none'}`
      : message.type;
