/**
 * A coordinator's process: the real core between ports that mirror the product's shell (conductor, fleet, control
 * plane, snapshots). It holds every commit, checkpoint and message against the invariants.
 */
import { awaited } from '@unet-fleet/coordinator/core/awaited';
import { initialState } from '@unet-fleet/coordinator/core/state';
import { statusOf } from '@unet-fleet/coordinator/core/status';
import { interventionNow, nextStep, plannedRate } from '@unet-fleet/coordinator/core/steering';
import type { CoreEvent, CoreState, CountedAnswer, Effect } from '@unet-fleet/coordinator/core/types';
import { createControls } from '@unet-fleet/coordinator/live/controls';
import type { RunControls } from '@unet-fleet/coordinator/live/live-run';
import {
  type Intervention,
  numValidationLeaves,
  stepOn,
  stepsPerEpoch,
  UserError,
  withIntervention,
} from '@unet-fleet/law';
import { comesOf } from '@unet-fleet/record';
import type { DownMessage, Unsent, UpMessage } from '@unet-fleet/wire';
import type { ToyOutbox } from './bulk.ts';
import { Checkpoints } from './checkpoints.ts';
import type { Checkpoint, Cluster } from './cluster.ts';
import {
  assertCommit,
  assertCore,
  assertSteered,
  assertStepEvent,
  coreFingerprint,
  steeredOf,
} from './invariants.ts';
import type { Endpoint } from './network.ts';
import { SimulatedProcess } from './process.ts';
import { Reducers } from './reducers.ts';
import { initialProgress, initialWeights, type Reference } from './reference.ts';
import { describe, textOf } from './texts.ts';
import { numClasses } from './toy.ts';
import type { WorkerProcess } from './worker.ts';

type WithoutTime<T> = T extends { now: number } ? Omit<T, 'now'> : never;

/** Who steers. */
export const person = 'a person';

const tickMs = 500;
/** How often it looks whether it still holds the run's lock. */
const lockMs = 1_500;

export class Coordinator {
  readonly term: number;
  readonly process: SimulatedProcess;
  readonly endpoint: Endpoint;
  readonly state: CoreState;
  readonly controls: RunControls;
  /** What the run amounts to with all that this coordinator has to know. */
  reference: Reference;
  #isAskedToStop = false;
  readonly #cluster: Cluster;
  readonly #reducers: Reducers;
  readonly #checkpoints: Checkpoints;
  #numBatchesTracked: number;
  readonly #resumed: Checkpoint | null;
  /** Of the step that was committed last. */
  #gradientNorm = 0;
  #lastCommitted = -1;
  /** Of the validation that is on. */
  readonly #countedLeaves = new Set<number>();
  #numSaid = 0;
  /** Number of the newest message of each worker that has arrived here. */
  readonly #newest = new Map<string, number>();
  /** Ids of workers that have said that they go, or whose process is known to have ended. */
  readonly #gone = new Set<string>();
  /** Ids of workers that it has asked to leave. */
  readonly #sentAway = new Set<string>();

  constructor(cluster: Cluster) {
    const { random, settings, disk, reference } = cluster;
    this.#cluster = cluster;
    this.term = ++disk.term;
    const { clockSkewMs, clockDrift } = settings;
    this.process = new SimulatedProcess(
      cluster,
      `coordinator-${this.term}`,
      random.between(0, clockSkewMs),
      1 + random.between(-clockDrift, clockDrift),
    );
    this.process.onCrash = () => this.kill('crashes between two effects');
    this.endpoint = cluster.network.connect(this.process);
    const { toy } = reference;
    this.reference = cluster.currentReference();
    this.#resumed = disk.newest();
    const progress = this.#resumed ? structuredClone(this.#resumed.progress) : initialProgress(toy);
    const { plan, train, checkpointEvery } = toy;
    const config = {
      ...settings.core,
      plan,
      validateEvery: train.validateEvery,
      checkpointEvery,
      numClasses,
      onNonFinite: train.onNonFinite,
    };
    if (!comesOf(progress, disk.interventions)) {
      cluster.violate('interventions', `the checkpoint of step ${progress.version} has others than the run`);
    }
    const interventions = cluster.mutant?.forgetsInterventions ? [] : disk.interventions;
    this.state = initialState(config, progress, this.process.clockMs(), interventions);
    this.controls = this.#openControls();
    const currentReference = () => this.reference;
    this.#reducers = new Reducers(cluster, this.process, this.endpoint, this.term, currentReference);
    const numSlots = reference.weights[0]!.slots.length;
    const weights = this.#resumed?.weights ?? initialWeights(numSlots);
    this.#reducers.load(
      progress.version,
      cluster.mutant?.resumesWithoutSlots ? { ...weights, slots: initialWeights(numSlots).slots } : weights,
    );
    this.#numBatchesTracked = this.#resumed?.numBatchesTracked ?? 0;
    this.#checkpoints = new Checkpoints(
      cluster,
      this.process,
      this.#reducers,
      this.term,
      currentReference,
      () => this.#numBatchesTracked,
    );
    this.#begin();
  }

  get isFenced(): boolean {
    return this.#cluster.disk.term > this.term;
  }

  outbox(reducer: number): ToyOutbox | null {
    return this.#reducers.outbox(reducer);
  }

  #begin(): void {
    const { disk, trace } = this.#cluster;
    const version = this.state.progress.version;
    trace.note(this.process.name, () => `takes term ${this.term} and begins with version ${version}`);
    if (version < disk.announcedVersion) {
      this.#cluster.violate(
        'checkpoints',
        `version ${disk.announcedVersion} was announced durable, and term ${this.term} begins with version ${version}`,
      );
    }
    this.endpoint.onLost = () => this.feed({ type: 'broker-lost', reason: 'its connection is closed' });
    this.endpoint.onBack = () => this.feed({ type: 'broker-back' });
    if (!this.endpoint.isConnected) this.endpoint.onLost();
    let lastTickMs = this.process.clockMs();
    this.process.every(tickMs, () => {
      const now = this.process.clockMs();
      const lateMs = now - lastTickMs - tickMs;
      lastTickMs = now;
      if (lateMs > tickMs) this.feed({ type: 'stalled', forMs: lateMs });
      this.feed({ type: 'tick' });
      if (!this.process.isAlive) return;
      this.#pulse();
      if (!this.state.over && awaited(this.state).length === 0) {
        this.#cluster.violate('status', 'the run goes on and nobody is awaited');
      }
    });
    this.process.every(lockMs, () => {
      if (this.isFenced) this.#end('another coordinator has taken over the run', 'the run has failed');
    });
    this.feed({ type: 'tick' });
  }

  feed(event: WithoutTime<CoreEvent>): void {
    if (!this.process.isAlive) return;
    const { handle, trace } = this.#cluster;
    const before = steeredOf(this.state, this.#sentAway);
    const timed = { ...event, now: this.process.clockMs() } as CoreEvent;
    if (event.type === 'worker-gone' || event.type === 'worker-failed') this.#gone.add(event.workerId);
    const effects = handle(this.state, timed);
    trace.mark(effects.length + timed.type.length * 64);
    assertSteered(before, this.state, effects);
    for (const effect of effects) {
      // Before anything is done about it: afterwards the core may be a step further.
      if (effect.type === 'commit') {
        assertCommit(this.reference, this.state, this.#reducers.version, effect);
      }
    }
    for (const effect of effects) {
      if (!this.process.survivesEffect()) return;
      this.#perform(effect);
    }
    assertCore(this.state, 4 * this.#cluster.settings.numWorkers + 8);
  }

  #pulse(): void {
    const { round, progress } = this.state;
    const { workers } = this.#cluster;
    for (const worker of workers.values()) {
      this.send(worker.workerId, {
        type: 'pulse',
        kind: round?.kind ?? (progress.validationPending ? 'validation' : 'train'),
        version: round?.version ?? progress.version,
      });
    }
  }

  /** To one worker, if there is such a process. */
  send(workerId: string, message: Unsent<DownMessage>): void {
    const worker = this.#cluster.workers.get(workerId);
    if (!worker) return;
    const sent = { ...message, term: this.term, sequence: ++this.#numSaid } as DownMessage;
    worker.lastWords.told.set(sent.type, sent);
    const { network } = this.#cluster;
    const deliver = () => worker.receive(sent);
    network.send(this.endpoint, worker.endpoint, deliver, () => network.arrive(worker.endpoint, deliver));
  }

  /** The control plane: messages of another term are dropped, and those that are late, doubled or of who has gone. */
  receive(workerId: string, message: UpMessage): void {
    const { mutant, trace, hears } = this.#cluster;
    if (message.term === this.term) {
      const newest = this.#newest.get(workerId) ?? 0;
      const isLate = message.sequence <= newest;
      if (!isLate) this.#newest.set(workerId, message.sequence);
      if (!hears(this.state, workerId, message)) {
        trace.note(this.process.name, () => `drops a ${message.type} of ${workerId} that comes late`);
        return;
      }
      const before = isLate ? coreFingerprint(this.state) : '';
      this.#take(workerId, message);
      if (!isLate || coreFingerprint(this.state) === before) return;
      this.#cluster.violate('order', `a late ${message.type} of ${workerId} changed ${this.process.name}`);
      return;
    }
    trace.note(this.process.name, () => `drops a ${message.type} of ${workerId} of term ${message.term}`);
    if (!mutant?.takesEveryTerm) return;
    const before = coreFingerprint(this.state);
    this.#take(workerId, message);
    if (coreFingerprint(this.state) === before) return;
    this.#cluster.violate(
      'terms',
      `a ${message.type} of term ${message.term} changed the coordinator of term ${this.term}`,
    );
  }

  #take(workerId: string, message: UpMessage): void {
    switch (message.type) {
      case 'ready':
        this.feed({ type: 'worker-ready', workerId, name: message.name });
        if (this.#gone.has(workerId) && this.state.members.some((member) => member.workerId === workerId)) {
          this.#cluster.violate('members', `${workerId} has gone and is let in again`);
        }
        return;
      case 'heartbeat':
        this.feed({
          type: 'heartbeat',
          workerId,
          leaseId: message.leaseId,
          isComputing: message.isComputing,
        });
        return;
      case 'result': {
        const { kind, version, node, leaves, confusion } = message;
        this.feed({ type: 'result', workerId, kind, version, node, leaves, confusion });
        return;
      }
      case 'failed':
        this.feed({ type: 'worker-failed', workerId, message: message.message });
        return;
      case 'bye':
        this.feed({ type: 'worker-gone', workerId, reason: message.reason, isFailure: false });
        return;
      case 'draining': {
        const { kind, version, nodes } = message;
        this.feed({ type: 'worker-draining', workerId, kind, version, nodes });
        return;
      }
    }
  }

  /** A worker asks to join. Answered by whoever hears it, of an old term too. */
  readonly join = (worker: WorkerProcess): void => {
    const { network } = this.#cluster;
    const deliver = () => worker.welcome(this.term);
    network.send(this.endpoint, worker.endpoint, deliver, () => network.arrive(worker.endpoint, deliver));
  };

  #perform(effect: Effect): void {
    const { trace } = this.#cluster;
    const { name } = this.process;
    switch (effect.type) {
      case 'lease': {
        const { workerId, leaseId, kind, version, nodes } = effect;
        trace.note(name, () => `leases ${textOf(kind, version, nodes)} to ${workerId} (lease ${leaseId})`);
        this.send(workerId, { type: 'lease', leaseId, kind, version, nodes: [...nodes] });
        return;
      }
      case 'reduce':
        this.#reduce(effect);
        return;
      case 'commit':
        this.#commit(effect);
        return;
      case 'record':
        this.#record(effect);
        return;
      case 'checkpoint':
        this.#checkpoint(effect);
        return;
      case 'counted':
        this.#counted(effect.answer);
        return;
      case 'emit':
        this.#emit(effect.event);
        return;
      case 'dismiss':
        trace.note(name, () => `dismisses ${effect.workerId}`);
        this.send(effect.workerId, { type: 'dismissed', heard: effect.heard });
        return;
      case 'drain':
        trace.note(name, () => `asks ${effect.workerId} to leave`);
        this.#sentAway.add(effect.workerId);
        this.send(effect.workerId, { type: 'drain' });
        return;
      case 'release':
        trace.note(name, () => `releases ${effect.workerId}`);
        this.#gone.add(effect.workerId);
        this.send(effect.workerId, { type: 'released' });
        return;
      case 'settle': {
        const { workerId, kind, version, node } = effect;
        this.send(workerId, { type: 'settled', kind, version, node });
        return;
      }
      case 'forget':
        this.#reducers.forgetPeer(effect.workerId);
        return;
      case 'finish':
        this.#finish(effect.reason);
        return;
      case 'fail':
        this.#fail(effect);
        return;
    }
  }

  /** What is shown of a validation must be what its metrics are of. */
  #counted({ version, node }: CountedAnswer): void {
    if (version === this.state.progress.version && !this.#countedLeaves.has(node.index)) {
      this.#countedLeaves.add(node.index);
    } else {
      this.#cluster.violate('leaves', `leaf ${node.index} counts again, or not for version ${version}`);
    }
  }

  #emit(event: Extract<Effect, { type: 'emit' }>['event']): void {
    const { trace } = this.#cluster;
    if (event.type === 'step') {
      assertStepEvent(this.reference, event);
      trace.note(this.process.name, () => `has committed step ${event.step}`);
      return;
    }
    if (event.type === 'validation-progress') return;
    if (event.type === 'validation-started') this.#countedLeaves.clear();
    const numLeaves = numValidationLeaves(this.reference.toy.plan);
    if (event.type === 'validated' && this.#countedLeaves.size !== numLeaves) {
      this.#cluster.violate('leaves', `${this.#countedLeaves.size} of ${numLeaves} leaves were shown`);
    }
    trace.note(this.process.name, () => `says: ${describe(event)}`);
  }

  #reduce({ workerId, version, node, numLeaves }: Extract<Effect, { type: 'reduce' }>): void {
    const { trace } = this.#cluster;
    const startMs = this.process.clockMs();
    const what = () => textOf('train', version, [node]);
    trace.note(this.process.name, () => `fetches ${what()} from ${workerId}`);
    this.#reducers.collect(workerId, version, node, numLeaves, (reason) => {
      if (reason !== null) {
        trace.note(this.process.name, () => `cannot have ${what()} of ${workerId}: ${reason}`);
        return this.feed({ type: 'node-unavailable', workerId, version, node, reason });
      }
      const transferMs = this.process.clockMs() - startMs;
      this.feed({ type: 'node-reduced', workerId, version, node, transferMs });
    });
  }

  #commit(effect: Extract<Effect, { type: 'commit' }>): void {
    const { trace } = this.#cluster;
    const rate = interventionNow(this.state) ? ` with the changed rate ${effect.learningRate}` : '';
    trace.note(this.process.name, () => `commits step ${stepOn(effect.version)}${rate}`);
    if (this.#lastCommitted === effect.version) {
      this.#cluster.violate(
        'steps',
        `step ${stepOn(effect.version)} is committed twice in term ${this.term}`,
      );
    }
    this.#lastCommitted = effect.version;
    this.#cluster.numCommits++;
    this.#reducers.commit(effect, (gradientNorm) => {
      this.#gradientNorm = gradientNorm;
      this.feed({ type: 'committed', version: effect.version, gradientNorm });
    });
  }

  #record({ record }: Extract<Effect, { type: 'record' }>): void {
    const { step, numLeaves, answers, skippedLeaves } = record;
    this.#numBatchesTracked += numLeaves - skippedLeaves.length;
    const numAnswered = answers.reduce((sum, { leaves }) => sum + leaves.length, 0);
    if (step !== this.#reducers.version || numAnswered !== numLeaves) {
      this.#cluster.violate(
        'leaves',
        `the record of step ${step} on version ${this.#reducers.version} has ${numAnswered} of ${numLeaves} leaves`,
      );
    }
    if (!Number.isFinite(this.#gradientNorm)) this.#cluster.violate('weights', `step ${step} has no norm`);
  }

  #checkpoint(effect: Extract<Effect, { type: 'checkpoint' }>): void {
    const { trace, disk } = this.#cluster;
    const { isFinal } = effect;
    const { version } = effect.progress;
    trace.note(this.process.name, () => `begins to write the checkpoint of step ${version}`);
    this.#checkpoints.write(effect, (outcome) => {
      if (outcome === 'failed') {
        trace.note(this.process.name, () => `cannot write the checkpoint of step ${version}`);
        return this.feed({ type: 'checkpoint-failed', version, message: 'the disk is full', isFinal });
      }
      if (outcome === 'written') {
        trace.note(this.process.name, () => `announces the checkpoint of step ${version}`);
        if (!disk.has(version)) {
          this.#cluster.violate(
            'checkpoints',
            `the checkpoint of step ${version} is announced and not on the disk`,
          );
        }
        disk.announcedVersion = Math.max(disk.announcedVersion, version);
      }
      this.feed({ type: 'checkpoint-written', version, isFinal });
    });
  }

  /** SIGTERM: the step under way is finished and kept. */
  askToStop(): void {
    this.process.run(() => {
      this.#isAskedToStop = true;
      this.feed({ type: 'stop-requested' });
    });
  }

  /** What a person does to the run, in the words of a script. */
  steer(verb: string, rest: string[]): void {
    const { trace } = this.#cluster;
    const replyTo = (): { message: string } => {
      switch (verb) {
        case 'pause':
          return this.controls.pause(person);
        case 'resume':
          return this.controls.resume(person);
        case 'keep':
          return this.controls.checkpoint(person);
        case 'last':
          return this.controls.stopAfterEpoch(true, person);
        default:
          return this.controls.setLearningRate(Number(rest[0]), person);
      }
    };
    const { message } = replyTo();
    trace.note(this.process.name, () => `answers: ${message}`);
  }

  #openControls(): RunControls {
    const { reference, mutant, disk } = this.#cluster;
    const coordinator = this;
    const keep = (intervention: Intervention) => {
      if (!this.process.isAlive) return;
      if (this.isFenced) throw new UserError('another coordinator has taken over the run');
      if (disk.isFailing) throw new UserError('the disk is full');
      disk.interventions = withIntervention(disk.interventions, intervention);
      this.reference = this.#cluster.currentReference();
      // Durable now, and the core does not know yet.
      this.process.survivesEffect();
    };
    const later = mutant?.keepsInterventionsAfterMs;
    return createControls({
      conductor: {
        feed: (event) => this.feed(event),
        get status() {
          return statusOf(coordinator.state, coordinator.process.clockMs());
        },
        get next() {
          const step = nextStep(coordinator.state);
          return step === null ? null : { step, learningRate: plannedRate(coordinator.state, step) };
        },
      },
      interventions: {
        get all() {
          return disk.interventions;
        },
        add: (intervention) => {
          if (later === undefined) keep(intervention);
          else if (!this.isFenced) {
            this.process.after(later, () => {
              if (!this.isFenced && !disk.isFailing) keep(intervention);
            });
          }
        },
      },
      numStepsPerEpoch: stepsPerEpoch(reference.toy.plan),
      isLocal: () => false,
      now: () => new Date(0),
    });
  }

  #finish(reason: string): void {
    const { disk, trace } = this.#cluster;
    const { reference } = this;
    trace.note(this.process.name, () => `ends the run: ${reason}`);
    if (reason === 'stopped') {
      const { version } = this.state.progress;
      if (!disk.has(version))
        this.#cluster.violate('ending', `the run is stopped without version ${version}`);
      const isEpochEnd = version > 0 && version % stepsPerEpoch(reference.toy.plan) === 0;
      if (!this.#isAskedToStop && (!isEpochEnd || this.state.progress.validationPending)) {
        this.#cluster.violate('ending', `the run stops after version ${version}, in the middle of an epoch`);
      }
      this.#end('the run is stopped', 'the run is stopped');
      return;
    }
    const version = reference.weights.length - 1;
    if (reason !== reference.reason || this.state.progress.version !== version || !disk.has(version)) {
      this.#cluster.violate(
        'ending',
        `the run ends as ${reason} with version ${this.state.progress.version}, not ${reference.reason} with ${version}`,
      );
    }
    this.#end(`the run is ${reason}`, `the run is ${reason}`, reason !== 'stopped');
    this.#cluster.finished(this, reason);
  }

  #fail(effect: Extract<Effect, { type: 'fail' }>): void {
    const { cause, message, leaf } = effect;
    const { failure } = this.reference;
    const isExpected = failure && leaf?.version === failure.version && failure.leaves.includes(leaf.leaf);
    if (cause !== 'disk' && !isExpected) this.#cluster.violate('ending', `the run fails: ${message}`);
    this.#end(message, 'the run has failed');
    if (cause !== 'disk') this.#cluster.finished(this, 'failed');
  }

  /** The shell's way out: a farewell to all, and the process ends. */
  #end(why: string, reason: string, isComplete = false): void {
    for (const workerId of this.#cluster.workers.keys()) {
      this.send(workerId, { type: 'over', reason, isComplete });
    }
    this.kill(`ends: ${why}`);
  }

  kill(how: string): void {
    if (!this.process.isAlive) return;
    this.process.kill();
    this.#cluster.network.remove(this.endpoint);
    this.#cluster.coordinatorEnded(this, how);
  }
}
