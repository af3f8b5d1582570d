/**
 * The shell around the core: feeds it what happens, with the time, and does what it says. Effects of one event are
 * done in order; none waits for another unless the core's next event does.
 */
import {
  type CoreStatus,
  exitCodes,
  type Intervention,
  type Progress,
  type RoundKind,
  type RunEvent,
  rounds,
  type Step,
  type StepRecord,
  type TrainConfig,
  UserError,
  type Version,
  versionBefore,
} from '@unet-fleet/law';
import { type Clock, realClock } from '@unet-fleet/shared';
import type { DownMessage, Unsent, UpMessage } from '@unet-fleet/wire';
import { handle } from '../core/handle.ts';
import { hears } from '../core/peers.ts';
import { kindNow } from '../core/rounds/index.ts';
import { initialState } from '../core/state.ts';
import { statusOf } from '../core/status.ts';
import { nextStep, plannedRate } from '../core/steering.ts';
import type { CoreConfig, CoreEvent, CoreState, CountedAnswer, Effect, LeasedNodes } from '../core/types.ts';
import { commitStep } from '../reducer/commit.ts';
import { NodeUnavailable } from '../reducer/failure.ts';
import type { ReducerPool } from '../reducer/pool.ts';
import { type OwnTimings, StepClock } from './step-timings.ts';

type Message = Unsent<DownMessage>;

/** What the conductor acts through. */
export interface Ports {
  send(workerId: string, message: Message): void;
  broadcast(message: Message): void;
  reducers: Pick<ReducerPool, 'collect' | 'expect' | 'sumsOfSquares' | 'apply'>;
  /** Whether a worker hands its gradients over in shared memory. */
  sharesMemory(workerId: string): boolean;
  /** Breaks off transfers from a worker that is gone. */
  forget(workerId: string): Promise<void>;
  /** Ids of a leaf's samples, for people. */
  samplesOf(kind: RoundKind, version: Version, leaf: number): string[];
  /** A step was committed; its event comes next. `own`: what the coordinator itself spent on it. */
  record(record: StepRecord, own: OwnTimings): void;
  /**
   * Takes a snapshot of the weights before it returns to the event loop, and resolves when the checkpoint is durable.
   * Rejects with a UserError when it can't be written.
   */
  writeCheckpoint(effect: Extract<Effect, { type: 'checkpoint' }>): Promise<void>;
  /** A validation counts this answer. */
  counted(answer: CountedAnswer): void;
  emit(event: RunEvent): void;
}

/** What of an event comes. What is between two effects is between the two being done. */
export type Decide = (state: CoreState, event: CoreEvent) => Iterable<Effect>;

export interface ConductorOptions {
  config: CoreConfig;
  progress: Progress;
  train: TrainConfig;
  /** All of the run so far, those of steps to come among them. */
  interventions: readonly Intervention[];
  clock?: Clock;
  /** The core, but where it is looked at or broken on purpose. */
  decide?: Decide;
}

export type Ending = { reason: 'completed' | 'early-stopping' | 'stopped' };

type WithoutTime<T> = T extends { now: number } ? Omit<T, 'now'> : never;
/** The conductor adds when it happened. */
export type UntimedEvent = WithoutTime<CoreEvent>;

/** How often lost messages are looked for and the pulse is sent. */
const tickMs = 500;

export class Conductor {
  /** Given by connect. */
  #ports!: Ports;
  /** For who looks at it. */
  readonly state: CoreState;
  readonly #train: TrainConfig;
  readonly #clock: Clock;
  readonly #decide: Decide;
  readonly #stepClock = new StepClock();
  #end!: { resolve(ending: Ending): void; reject(error: Error): void };
  readonly ended: Promise<Ending>;
  #endTicks = () => {};
  #isStopped = false;

  constructor(options: ConductorOptions) {
    const { config, progress, interventions, train, clock = realClock, decide = handle } = options;
    this.#train = train;
    this.#clock = clock;
    this.#decide = decide;
    this.state = initialState(config, progress, clock.now(), interventions);
    this.ended = new Promise((resolve, reject) => {
      this.#end = { resolve, reject };
    });
  }

  get numWorkers(): number {
    return this.state.members.length;
  }

  /** What the run is doing at this moment. Times are those of its clock. */
  get status(): CoreStatus {
    return statusOf(this.state, this.#clock.now());
  }

  /** Answers that changed nothing, by reason. */
  get dropped(): Readonly<CoreState['dropped']> {
    return this.state.dropped;
  }

  /** The first step that has not begun, from 1, and the rate that it will have; null when there is none left. */
  get next(): { step: Step; learningRate: number } | null {
    const step = nextStep(this.state);
    return step === null ? null : { step, learningRate: plannedRate(this.state, step) };
  }

  /** Whether a worker's message counts: not one that is late, doubled or of who has gone. To be asked once of each. */
  hears(workerId: string, message: UpMessage): boolean {
    return hears(this.state, workerId, message);
  }

  /** What it acts through; nothing may be fed before. */
  connect(ports: Ports): void {
    this.#ports = ports;
  }

  start(): void {
    let lastTickMs = this.#clock.now();
    this.#endTicks = this.#clock.every(tickMs, () => {
      const now = this.#clock.now();
      const lateMs = now - lastTickMs - tickMs;
      lastTickMs = now;
      if (lateMs > tickMs) this.feed({ type: 'stalled', forMs: lateMs });
      this.feed({ type: 'tick' });
      this.#pulse();
    });
    this.feed({ type: 'tick' });
    // Workers of an older term learn of this one and join at once.
    this.#pulse();
  }

  /** What is still under way changes nothing any more, and no pulse says that the run goes on. */
  stop(): void {
    this.#isStopped = true;
    this.#endTicks();
  }

  feed(event: UntimedEvent): void {
    if (this.#isStopped) return;
    for (const effect of this.#decide(this.state, { ...event, now: this.#clock.now() } as CoreEvent)) {
      this.#carryOut(effect);
    }
  }

  #pulse(): void {
    if (this.#isStopped) return;
    const { round, progress } = this.state;
    const version = round?.version ?? progress.version;
    this.#ports.broadcast({ type: 'pulse', kind: kindNow(this.state), version });
  }

  /** What fails, now or later, ends the run. */
  #carryOut(effect: Effect): void {
    try {
      this.#perform(effect)?.catch((error: Error) => this.#end.reject(error));
    } catch (error) {
      this.#end.reject(error as Error);
    }
  }

  #perform(effect: Effect): Promise<void> | void {
    const ports = this.#ports;
    switch (effect.type) {
      case 'lease': {
        const { workerId, ...lease } = effect;
        ports.send(workerId, lease);
        return this.#expect(workerId, lease);
      }
      case 'reduce':
        return this.#reduce(effect);
      case 'commit':
        return this.#commit(effect);
      case 'record':
        return ports.record(effect.record, this.#stepClock.take());
      case 'checkpoint':
        return this.#checkpoint(effect);
      case 'counted':
        return ports.counted(effect.answer);
      case 'emit':
        return this.#emit(effect.event);
      case 'settle': {
        const { workerId, kind, version, node } = effect;
        return ports.send(workerId, { type: 'settled', kind, version, node });
      }
      case 'dismiss':
        return ports.send(effect.workerId, { type: 'dismissed', heard: effect.heard });
      case 'drain':
        return ports.send(effect.workerId, { type: 'drain' });
      case 'release':
        return ports.send(effect.workerId, { type: 'released' });
      case 'forget':
        return ports.forget(effect.workerId);
      case 'finish':
        return this.#end.resolve({ reason: effect.reason });
      case 'fail':
        return this.#end.reject(this.#failure(effect));
    }
  }

  /** What only the shell knows is added: names of samples. */
  #emit(event: RunEvent): void {
    const { emit, samplesOf } = this.#ports;
    if (event.type === 'leaf-skipped' || event.type === 'leaf-retried') {
      emit({ ...event, samples: samplesOf(event.kind, versionBefore(event.step), event.leaf) });
    } else if (event.type === 'gradient-outlier') {
      emit({ ...event, samples: samplesOf('train', versionBefore(event.step), event.leaf) });
    } else emit(event);
  }

  #failure({ cause, message, leaf }: Extract<Effect, { type: 'fail' }>): UserError {
    const samples = leaf && this.#ports.samplesOf(leaf.kind, leaf.version, leaf.leaf).join(', ');
    const remedy =
      'look at them and their masks, or start a run with a lower --learning-rate or --on-non-finite skip';
    // A worker's own sentence has its remedy.
    const named =
      cause === 'worker' ? ` (samples of its leaf: ${samples})` : `; its samples are ${samples}: ${remedy}`;
    const whole = samples ? message + named : message;
    if (cause !== 'disk') return new UserError(whole);
    return new UserError(`${whole}, then continue with --resume`, exitCodes.unavailable);
  }

  async #checkpoint(effect: Extract<Effect, { type: 'checkpoint' }>): Promise<void> {
    const { isFinal } = effect;
    const { version } = effect.progress;
    try {
      await this.#ports.writeCheckpoint(effect);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return this.feed({ type: 'checkpoint-failed', version, message: error.message, isFinal });
    }
    this.feed({ type: 'checkpoint-written', version, isFinal });
  }

  /** What is leased to a worker of this host begins to come before its result does. */
  #expect(workerId: string, { kind, version, nodes }: LeasedNodes): Promise<void> | void {
    const { reducers, sharesMemory } = this.#ports;
    if (rounds[kind].addsGradients && sharesMemory(workerId)) {
      return reducers.expect(workerId, version, nodes);
    }
  }

  async #reduce({ workerId, version, node, numLeaves }: Extract<Effect, { type: 'reduce' }>): Promise<void> {
    const start = this.#clock.now();
    try {
      const sharesMemory = this.#ports.sharesMemory(workerId);
      await this.#ports.reducers.collect(workerId, sharesMemory, version, node, numLeaves);
    } catch (error) {
      if (!(error instanceof NodeUnavailable)) throw error;
      return this.feed({ type: 'node-unavailable', workerId, version, node, reason: error.message });
    }
    const transferMs = this.#clock.now() - start;
    this.#stepClock.add('reduceMs', transferMs);
    this.feed({ type: 'node-reduced', workerId, version, node, transferMs });
  }

  async #commit(effect: Extract<Effect, { type: 'commit' }>): Promise<void> {
    const start = this.#clock.now();
    const gradientNorm = await commitStep(this.#ports.reducers, effect, this.#train);
    this.#stepClock.add('optimizeMs', this.#clock.now() - start);
    this.feed({ type: 'committed', version: effect.version, gradientNorm });
  }
}
