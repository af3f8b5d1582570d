/**
 * A worker's process: the product's shell and member, with virtual time, a toy engine and a network that is drawn. What it
 * hears and says is held against the term that it is in; between two effects of its session it may crash.
 */
import { nodeKey, UserError } from '@unet-fleet/law';
import type { DownMessage, UpMessage, Welcome } from '@unet-fleet/wire';
import { nextSequence } from '@unet-fleet/worker/session/conversation';
import type { SessionEffect, SessionEvent, SessionState } from '@unet-fleet/worker/session/types';
import { WorkerShell } from '@unet-fleet/worker/shell/worker-shell';
import type { Cluster, LastWords } from './cluster.ts';
import { assertSession, sessionFingerprint } from './invariants.ts';
import { ToyPreparation } from './member.ts';
import type { Endpoint } from './network.ts';
import { SimulatedProcess } from './process.ts';

const joinTimeoutMs = 2_000;
const noTimings = { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 };

export class WorkerProcess {
  readonly slot: number;
  readonly name: string;
  readonly workerId: string;
  readonly process: SimulatedProcess;
  readonly endpoint: Endpoint;
  readonly lastWords: LastWords;
  /** Multiplies the time of a leaf. */
  slowness = 1;
  readonly #cluster: Cluster;
  readonly #shell: WorkerShell;
  readonly #preparation: ToyPreparation;
  /** Takes the first answer to its request to join. */
  #welcomed: (welcome: Welcome | null) => void = () => {};
  /** The newest message of a coordinator that has arrived here. */
  #newest = { term: 0, sequence: 0 };

  constructor(cluster: Cluster, slot: number, instance: number) {
    const { random, settings, trace } = cluster;
    this.#cluster = cluster;
    this.slot = slot;
    this.name = `worker-${slot}`;
    this.workerId = `${this.name}.${instance}`;
    const { clockSkewMs, clockDrift } = settings;
    this.process = new SimulatedProcess(
      cluster,
      this.workerId,
      random.between(0, clockSkewMs),
      1 + random.between(-clockDrift, clockDrift),
      () => this.kill('crashes between two effects'),
    );
    this.endpoint = cluster.network.connect(this.process);
    this.lastWords = cluster.lastWordsOf(this.name);
    this.#preparation = new ToyPreparation(cluster, this, settings.sharesMemory && random.chance(0.5));
    this.#shell = new WorkerShell(
      settings.session,
      {
        preparation: this.#preparation,
        join: () => this.#join(),
        send: (message) => this.#send(message),
        segment() {},
        tell() {},
        log: { info: (text) => trace.note(this.workerId, () => text), debug() {} },
      },
      this.process,
      { decide: (state, event) => this.#decide(state, event), hears: cluster.hearsCoordinator },
    );
    this.#shell.ended.catch((error) => {
      if (!(error instanceof UserError)) cluster.broken(error);
    });
    this.endpoint.whenBack.add(() => this.#shell.feed({ type: 'reconnected' }));
    trace.note(this.workerId, () => 'starts');
    this.process.after(0, () => this.#shell.start());
  }

  get session(): SessionState {
    return this.#shell.session;
  }

  /** The session, looked at: what it makes of an event, and before each effect whether the process lives to do it. */
  *#decide(state: SessionState, event: SessionEvent): Iterable<SessionEffect> {
    const { handleSession, trace, reference, settings } = this.#cluster;
    const { term } = state;
    const effects = handleSession(state, event);
    trace.mark(effects.length + event.type.length * 64);
    if (state.term < term) {
      this.#cluster.violate('terms', `${this.workerId} went back from term ${term} to ${state.term}`);
    }
    for (const effect of effects) {
      if (!this.process.survivesEffect()) return;
      if (effect.type === 'announce') {
        trace.note(this.workerId, () => `is ready for term ${effect.term}`);
      } else if (effect.type === 'compute') {
        // It may have the weights already.
        this.#cluster.hasSettled = true;
        const { node, lease } = effect;
        const what = () => `computes ${lease.kind} node ${nodeKey(node)} of lease ${lease.leaseId}`;
        trace.note(this.workerId, what);
      }
      // Weights may be here already, and what is broken off ends at once.
      if (effect.type === 'compute' || effect.type === 'hand-over') this.#cluster.hasSettled = true;
      yield effect;
      if (effect.type === 'exit') this.kill(`ends (${effect.cause}): ${effect.reason}`);
    }
    const { plan, buckets } = reference.toy;
    const maxLeaves = Math.max(Math.ceil(plan.batchSize / plan.leafSize), plan.numValidationSamples);
    const { numOffers } = this.#preparation;
    assertSession(state, numOffers, buckets.length, maxLeaves + settings.numReducers);
  }

  /** What the coordinator, of whatever term, has sent. */
  receive(message: DownMessage): void {
    const { term, sequence } = message;
    const newest = this.#newest;
    const isOld = term < this.session.term || term < newest.term;
    const isLate = isOld || (term === newest.term && sequence <= newest.sequence);
    if (!isLate) this.#newest = { term, sequence };
    const before = isLate ? sessionFingerprint(this.session) : '';
    this.#shell.receive(message);
    if (!isLate || sessionFingerprint(this.session) === before) return;
    this.#cluster.violate(
      isOld ? 'terms' : 'order',
      `a late ${message.type} of term ${term} changed ${this.workerId}, which is in term ${this.session.term}`,
    );
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
  #join(): Promise<Welcome | null> {
    const { network, coordinators } = this.#cluster;
    if (coordinators.length === 0) {
      this.#cluster.hasSettled = true;
      return Promise.resolve(null);
    }
    const again = () => {
      for (const { endpoint, join } of coordinators) network.arrive(endpoint, () => join(this));
    };
    for (const { endpoint, join } of coordinators) {
      network.send(this.endpoint, endpoint, () => join(this), again);
    }
    return new Promise((resolve) => {
      this.#welcomed = resolve;
      this.process.after(joinTimeoutMs, () => resolve(null));
    });
  }

  /** An answer to a request to join. */
  welcome(term: number): void {
    this.#cluster.hasSettled = true;
    this.#welcomed({ type: 'welcome', term } as Welcome);
  }

  /** SIGTERM. */
  askToLeave(): void {
    this.process.run(() => this.#shell.feed({ type: 'leave-requested', reason: 'it was asked to' }));
  }

  /** Its data or engine can't be used: the next leaf ends it. */
  breakDown(): void {
    this.#preparation.engine.isBroken = true;
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
    this.#shell.stop();
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
