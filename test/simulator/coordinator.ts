/**
 * A coordinator's process: the product's conductor, reducers and snapshots, with virtual time, a toy disk and a network
 * that is drawn. It holds every commit, checkpoint and message against the invariants, between the core's decision and
 * what the conductor does about it; there, too, the process may crash.
 */

import type { RunControls } from '@unet-fleet/coordinator';
import { eachAwaited } from '@unet-fleet/coordinator/core/awaited';
import type { CoreEvent, CoreState, CountedAnswer, Effect } from '@unet-fleet/coordinator/core/types';
import { ReducerLost } from '@unet-fleet/coordinator/reducer/failure';
import { Conductor } from '@unet-fleet/coordinator/shell/conductor';
import { eventOf } from '@unet-fleet/coordinator/shell/fleet';
import {
  numValidationLeaves,
  type RunEvent,
  type StepRecord,
  stepOn,
  stepsPerEpoch,
  UserError,
} from '@unet-fleet/law';
import { comesOf } from '@unet-fleet/record';
import type { DownMessage, Unsent, UpMessage } from '@unet-fleet/wire';
import { Checkpoints } from './checkpoints.ts';
import type { Cluster } from './cluster.ts';
import { openControls, steer } from './controls.ts';
import {
  assertCommit,
  assertCore,
  assertSteered,
  assertStepEvent,
  assertWeights,
  coreFingerprint,
  steeredOf,
} from './invariants.ts';
import type { Endpoint } from './network.ts';
import { SimulatedProcess } from './process.ts';
import type { ReducerProcess } from './reducer-process.ts';
import { Reducers } from './reducers.ts';
import { initialProgress, initialWeights, type Reference } from './reference.ts';
import { describe, describeEffect, textOf } from './texts.ts';
import { numClasses } from './toy.ts';
import type { WorkerProcess } from './worker.ts';

/** How often it looks whether it still holds the run's lock. */
const lockMs = 1_500;

export class Coordinator {
  readonly term: number;
  readonly process: SimulatedProcess;
  readonly endpoint: Endpoint;
  readonly conductor: Conductor;
  readonly controls: RunControls;
  /** What the run amounts to with all that this coordinator has to know. */
  reference: Reference;
  #isAskedToStop = false;
  /** From the moment on when its reducers have the weights. */
  #isListening = false;
  readonly #cluster: Cluster;
  readonly #reducers: Reducers;
  readonly #checkpoints: Checkpoints;
  #numBatchesTracked: number;
  #lastCommitted = -1;
  /** Of the validation that is on. */
  readonly #countedLeaves = new Set<number>();
  #numSaid = 0;
  /** Number of the newest message of each worker that has arrived here. */
  readonly #newest = new Map<string, number>();
  /** Ids of workers that have said that they go, or whose process is known to have ended. */
  readonly #gone = new Set<string>();
  readonly #sharesMemory = new Set<string>();
  /** Ids of workers that it has asked to leave. */
  readonly #sentAway = new Set<string>();

  constructor(cluster: Cluster) {
    const { random, settings, disk, reference, mutant } = cluster;
    this.#cluster = cluster;
    this.term = ++disk.term;
    const { clockSkewMs, clockDrift } = settings;
    this.process = new SimulatedProcess(
      cluster,
      `coordinator-${this.term}`,
      random.between(0, clockSkewMs),
      1 + random.between(-clockDrift, clockDrift),
      () => this.kill('crashes between two effects'),
    );
    this.endpoint = cluster.network.connect(this.process);
    this.reference = cluster.currentReference();
    const { plan, train, checkpointEvery } = reference.toy;
    const resumed = disk.newest();
    const progress = resumed ? structuredClone(resumed.progress) : initialProgress(reference.toy);
    if (!comesOf(progress, disk.interventions)) {
      cluster.violate('interventions', `the checkpoint of step ${progress.version} has others than the run`);
    }
    this.conductor = new Conductor({
      config: {
        ...settings.core,
        plan,
        validateEvery: train.validateEvery,
        checkpointEvery,
        numClasses,
        loss: train.loss,
        onNonFinite: train.onNonFinite,
      },
      progress,
      train,
      interventions: mutant?.forgetsInterventions ? [] : disk.interventions,
      clock: this.process,
      decide: (state, event) => this.#decide(state, event),
    });
    this.conductor.ended.catch((error) => {
      if (!(error instanceof UserError || error instanceof ReducerLost)) cluster.broken(error);
    });
    this.controls = openControls(cluster, this);
    this.#reducers = new Reducers(cluster, {
      ...{ process: this.process, endpoint: this.endpoint, term: this.term },
      onApplied: () => this.#hold(),
      onLost: ({ message, reducer }) => {
        this.#end(`${reducer} is lost: ${message}`, 'a reducer is lost');
      },
    });
    const numSlots = reference.weights[0]!.slots.length;
    const weights = resumed?.weights ?? initialWeights(numSlots);
    const { slots } = mutant?.resumesWithoutSlots ? initialWeights(numSlots) : weights;
    const loaded = this.#reducers.load(progress.version, { ...weights, slots });
    this.#numBatchesTracked = resumed?.numBatchesTracked ?? 0;
    this.#checkpoints = new Checkpoints({
      cluster,
      process: this.process,
      term: this.term,
      reducers: this.#reducers.pool,
      numBatchesTracked: () => this.#numBatchesTracked,
      reference: () => this.reference,
    });
    this.#connect();
    if (!settings.areRemote) {
      this.#begin();
      return;
    }
    const begin = () => this.process.run(() => this.#begin());
    // A loss on the way has ended this coordinator.
    loaded.then(begin, (error) => error instanceof ReducerLost || cluster.broken(error));
  }

  get isFenced(): boolean {
    return this.#cluster.disk.term > this.term;
  }

  /** Those with its reducers. */
  get processes(): readonly ReducerProcess[] {
    return this.#reducers.processes;
  }

  get state(): CoreState {
    return this.conductor.state;
  }

  #begin(): void {
    this.#hold();
    this.#isListening = true;
    this.conductor.start();
    if (!this.endpoint.isConnected) this.endpoint.onLost();
    if (this.#isAskedToStop) this.askToStop();
  }

  #connect(): void {
    const { disk, trace } = this.#cluster;
    const { conductor } = this;
    const { version } = this.state.progress;
    trace.note(this.process.name, () => `takes term ${this.term} and begins with version ${version}`);
    if (version < disk.announcedVersion) {
      this.#cluster.violate(
        'checkpoints',
        `version ${disk.announcedVersion} was announced durable, and term ${this.term} begins with version ${version}`,
      );
    }
    conductor.connect({
      send: (workerId, message) => this.send(workerId, message),
      broadcast: (message) => this.#broadcast(message),
      reducers: this.#reducers.pool,
      sharesMemory: (workerId) => this.#sharesMemory.has(workerId),
      forget: (workerId) => {
        this.#sharesMemory.delete(workerId);
        return this.#reducers.pool.forgetPeer(workerId);
      },
      samplesOf: () => [],
      record: (record) => this.#record(record),
      writeCheckpoint: (effect) => this.#writeCheckpoint(effect),
      counted: (answer) => this.#counted(answer),
      emit: (event) => this.#emit(event),
    });
    const onLost = () => {
      if (this.#isListening) conductor.feed({ type: 'broker-lost', reason: 'its connection is closed' });
    };
    this.endpoint.onLost = onLost;
    this.endpoint.whenBack.add(() => conductor.feed({ type: 'broker-back' }));
    this.process.every(lockMs, () => {
      if (this.isFenced) this.#end('another coordinator has taken over the run', 'the run has failed');
    });
  }

  /** The weights are the reference's whenever all reducers have them. */
  #hold(): void {
    try {
      assertWeights(this.reference, this.#reducers.version, this.#reducers.read());
    } catch (error) {
      this.#cluster.broken(error);
    }
  }

  /** The core, looked at: what it makes of an event, and before each effect whether the process lives to do it. */
  *#decide(state: CoreState, event: CoreEvent): Iterable<Effect> {
    const { handle, trace, settings } = this.#cluster;
    const before = steeredOf(state, this.#sentAway);
    this.#hear(event);
    const effects = handle(state, event);
    trace.mark(effects.length + event.type.length * 64);
    assertSteered(before, state, effects);
    for (const effect of effects) {
      // Before anything is done about it: afterwards the core may be a step further.
      if (effect.type === 'commit') assertCommit(this.reference, state, this.#reducers.version, effect);
    }
    for (const effect of effects) {
      if (!this.process.survivesEffect()) return;
      this.#follow(effect);
      yield effect;
      if (effect.type === 'finish') this.#finish(effect.reason);
      if (effect.type === 'fail') this.#fail(effect);
    }
    assertCore(state, 4 * settings.numWorkers + 8);
    if (event.type === 'tick' && !state.over && eachAwaited(state).next().done) {
      this.#cluster.violate('status', 'the run goes on and nobody is awaited');
    }
  }

  #hear(event: CoreEvent): void {
    const { trace } = this.#cluster;
    if (event.type === 'worker-gone' || event.type === 'worker-failed') this.#gone.add(event.workerId);
    if (event.type !== 'node-unavailable') return;
    const { workerId, version, node, reason } = event;
    const what = () => textOf('train', version, [node]);
    trace.note(this.process.name, () => `cannot have ${what()} of ${workerId}: ${reason}`);
  }

  /** What is about to be done. */
  #follow(effect: Effect): void {
    const { trace } = this.#cluster;
    const text = describeEffect(effect);
    if (text) trace.note(this.process.name, text);
    if (effect.type === 'drain') this.#sentAway.add(effect.workerId);
    if (effect.type === 'release') this.#gone.add(effect.workerId);
    if (effect.type !== 'commit') return;
    if (this.#lastCommitted === effect.version) {
      const step = stepOn(effect.version);
      this.#cluster.violate('steps', `step ${step} is committed twice in term ${this.term}`);
    }
    this.#lastCommitted = effect.version;
    this.#cluster.numCommits++;
  }

  /** To one worker, if there is such a process. */
  send(workerId: string, message: Unsent<DownMessage>): void {
    const worker = this.#cluster.workers.get(workerId);
    if (worker) this.#say(worker, message, ++this.#numSaid);
  }

  #broadcast(message: Unsent<DownMessage>): void {
    const number = ++this.#numSaid;
    for (const worker of this.#cluster.workers.values()) this.#say(worker, message, number);
  }

  #say(worker: WorkerProcess, message: Unsent<DownMessage>, sequence: number): void {
    const sent = { ...message, term: this.term, sequence } as DownMessage;
    worker.lastWords.told.set(sent.type, sent);
    const { network } = this.#cluster;
    const deliver = () => worker.receive(sent);
    network.send(this.endpoint, worker.endpoint, deliver, () => network.arrive(worker.endpoint, deliver));
  }

  /** The broker tells of a closed connection. */
  disconnected(peer: string): void {
    const reducer = this.processes.find(({ process }) => process.name === peer);
    if (reducer) reducer.remote.disconnected();
    else this.conductor.feed({ type: 'worker-disconnected', workerId: peer });
  }

  /** The control plane: messages of another term are dropped, and those that are late, doubled or of who has gone. */
  receive(workerId: string, message: UpMessage): void {
    if (!this.#isListening) return;
    const { mutant, trace, hears } = this.#cluster;
    const { term, type } = message;
    const isOld = term !== this.term;
    if (isOld) {
      trace.note(this.process.name, () => `drops a ${type} of ${workerId} of term ${term}`);
      if (!mutant?.takesEveryTerm) return;
    }
    const isLate = isOld || message.sequence <= (this.#newest.get(workerId) ?? 0);
    if (!isLate) this.#newest.set(workerId, message.sequence);
    if (!isOld && !hears(this.state, workerId, message)) {
      trace.note(this.process.name, () => `drops a ${type} of ${workerId} that comes late`);
      return;
    }
    if (type === 'ready' && message.sharesMemory) this.#sharesMemory.add(workerId);
    const before = isLate ? coreFingerprint(this.state) : '';
    if (type !== 'segmented') this.conductor.feed(eventOf(workerId, message));
    if (isLate && coreFingerprint(this.state) !== before) {
      this.#cluster.violate(
        isOld ? 'terms' : 'order',
        `a late ${type} of ${workerId} of term ${term} changed ${this.process.name}`,
      );
    }
    const isMember = this.state.members.some((member) => member.workerId === workerId);
    if (type === 'ready' && isMember && this.#gone.has(workerId)) {
      this.#cluster.violate('members', `${workerId} has gone and is let in again`);
    }
  }

  /** A worker asks to join. Answered by whoever hears it, of an old term too. */
  readonly join = (worker: WorkerProcess): void => {
    if (!this.#isListening) return;
    const { network } = this.#cluster;
    const deliver = () => worker.welcome(this.term);
    network.send(this.endpoint, worker.endpoint, deliver, () => network.arrive(worker.endpoint, deliver));
  };

  /** What is shown of a validation must be what its metrics are of. */
  #counted({ version, node }: CountedAnswer): void {
    if (version === this.state.progress.version && !this.#countedLeaves.has(node.index)) {
      this.#countedLeaves.add(node.index);
    } else {
      this.#cluster.violate('leaves', `leaf ${node.index} counts again, or not for version ${version}`);
    }
  }

  #emit(event: RunEvent): void {
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

  #record({ step, numLeaves, answers, skippedLeaves }: StepRecord): void {
    this.#numBatchesTracked += numLeaves - skippedLeaves.length;
    const numAnswered = answers.reduce((sum, { leaves }) => sum + leaves.length, 0);
    if (step === this.#reducers.version && numAnswered === numLeaves) return;
    this.#cluster.violate(
      'leaves',
      `the record of step ${step} on version ${this.#reducers.version} has ${numAnswered} of ${numLeaves} leaves`,
    );
  }

  async #writeCheckpoint(effect: Extract<Effect, { type: 'checkpoint' }>): Promise<void> {
    const { trace, disk } = this.#cluster;
    const { version } = effect.progress;
    const isWritten = await this.#checkpoints.write(effect).catch((error) => {
      trace.note(this.process.name, () => `cannot write the checkpoint of step ${version}`);
      throw error;
    });
    if (!isWritten) return;
    trace.note(this.process.name, () => `announces the checkpoint of step ${version}`);
    if (!disk.has(version)) {
      this.#cluster.violate(
        'checkpoints',
        `the checkpoint of step ${version} is announced and not on the disk`,
      );
    }
    disk.announcedVersion = Math.max(disk.announcedVersion, version);
  }

  /** SIGTERM: the step under way is finished and kept. */
  askToStop(): void {
    this.process.run(() => {
      this.#isAskedToStop = true;
      if (!this.#isListening) return;
      this.conductor.feed({ type: 'stop-requested' });
    });
  }

  /** What a person does to the run, in the words of a script. */
  steer(verb: string, rest: string[]): void {
    if (!this.#isListening) return;
    const { message } = steer(this.controls, verb, rest);
    this.#cluster.trace.note(this.process.name, () => `answers: ${message}`);
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
    this.#end(`the run is ${reason}`, `the run is ${reason}`, true);
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
    this.#broadcast({ type: 'over', reason, isComplete });
    this.#cluster.tmpfsOf(this.term).isGone = true;
    this.kill(`ends: ${why}`);
  }

  kill(how: string): void {
    if (!this.process.isAlive) return;
    this.conductor.stop();
    this.process.kill();
    this.#cluster.network.remove(this.endpoint);
    // They find out later, and may be asked for weights until then.
    for (const reducer of this.processes) {
      reducer.process.after(this.#cluster.random.between(0, 4_000), () => reducer.kill('ends'));
    }
    this.#cluster.coordinatorEnded(this, how);
  }
}
