/**
 * The shell around the core: feeds it what happens, with the time, and does what it says. Effects of one event are
 * done in order; none waits for another unless the core's next event does.
 */
import { clipNormCoefficient } from '@unet-fleet/numerics';
import { type DownMessage, type RunEvent, type TrainConfig, UserError } from '@unet-fleet/shared';
import { handle } from '../core/handle.ts';
import { initialState } from '../core/state.ts';
import type { CoreConfig, CoreEvent, CoreState, Effect, Progress } from '../core/types.ts';
import { NodeUnavailable, type ReducerPool } from '../reducer/pool.ts';
import { StepClock } from './step-timings.ts';

type Message = DownMessage extends infer M ? (M extends { term: number } ? Omit<M, 'term'> : never) : never;

/** What the conductor acts through. */
export interface Ports {
  send(workerId: string, message: Message): void;
  broadcast(message: Message): void;
  reducers: Pick<ReducerPool, 'collect' | 'gradientSumNorm' | 'apply'>;
  /** Whether a worker hands its gradients over in shared memory. */
  sharesMemory(workerId: string): boolean;
  /**
   * Takes a snapshot of the weights before it returns to the event loop, and resolves when the checkpoint is durable.
   */
  writeCheckpoint(effect: Extract<Effect, { type: 'checkpoint' }>): Promise<void>;
  emit(event: RunEvent): void;
  now(): number;
}

export type Ending = { reason: 'completed' | 'early-stopping' | 'stopped' };

type WithoutTime<T> = T extends { now: number } ? Omit<T, 'now'> : never;

/** How often lost messages are looked for and the pulse is sent. */
const tickMs = 500;

export class Conductor {
  readonly #ports: Ports;
  readonly #train: TrainConfig;
  readonly #state: CoreState;
  readonly clock = new StepClock();
  #end!: { resolve(ending: Ending): void; reject(error: Error): void };
  readonly ended: Promise<Ending>;
  #timer: NodeJS.Timeout | null = null;

  constructor(config: CoreConfig, progress: Progress, train: TrainConfig, ports: Ports) {
    this.#ports = ports;
    this.#train = train;
    this.#state = initialState(config, progress);
    this.ended = new Promise((resolve, reject) => {
      this.#end = { resolve, reject };
    });
  }

  get numWorkers(): number {
    return this.#state.members.length;
  }

  /** Answers that changed nothing, by reason. */
  get dropped(): Readonly<CoreState['dropped']> {
    return this.#state.dropped;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.feed({ type: 'tick' });
      this.#pulse();
    }, tickMs);
    this.feed({ type: 'tick' });
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  feed(event: WithoutTime<CoreEvent>): void {
    const effects = handle(this.#state, { ...event, now: this.#ports.now() } as CoreEvent);
    for (const effect of effects) {
      this.#perform(effect).catch((error: Error) => this.#end.reject(error));
    }
  }

  #pulse(): void {
    const { round, progress } = this.#state;
    this.#ports.broadcast({
      type: 'pulse',
      kind: round?.kind ?? 'train',
      step: round?.step ?? progress.version,
    });
  }

  async #perform(effect: Effect): Promise<void> {
    const ports = this.#ports;
    switch (effect.type) {
      case 'lease': {
        const { workerId, leaseId, kind, step, nodes } = effect;
        return ports.send(workerId, { type: 'lease', leaseId, kind, step, nodes });
      }
      case 'reduce':
        return this.#reduce(effect);
      case 'commit':
        return this.#commit(effect);
      case 'checkpoint':
        await ports.writeCheckpoint(effect);
        return this.feed({ type: 'checkpoint-written', step: effect.progress.version });
      case 'emit':
        return this.#emit(effect.event);
      case 'dismiss':
        return ports.send(effect.workerId, { type: 'dismissed' });
      case 'finish':
        return this.#end.resolve({ reason: effect.reason });
      case 'fail':
        return this.#end.reject(new UserError(effect.message));
    }
  }

  #emit(event: RunEvent): void {
    this.#ports.emit(event.type === 'step' ? { ...event, timings: this.clock.take() } : event);
  }

  async #reduce({ workerId, step, node, numLeaves }: Extract<Effect, { type: 'reduce' }>): Promise<void> {
    const start = this.#ports.now();
    try {
      const sharesMemory = this.#ports.sharesMemory(workerId);
      await this.#ports.reducers.collect(workerId, sharesMemory, step, node, numLeaves);
    } catch (error) {
      if (!(error instanceof NodeUnavailable)) throw error;
      return this.feed({ type: 'node-unavailable', workerId, step, node, reason: error.message });
    }
    this.clock.addReduce(this.#ports.now() - start);
    this.feed({ type: 'node-reduced', step, node });
  }

  /** Mean, clip, update: the same for any number of reducers. The root's norm is looked at before any weight changes. */
  async #commit(effect: Extract<Effect, { type: 'commit' }>): Promise<void> {
    const { step, numLeaves, weightSum, learningRate } = effect;
    // A batch without a valid pixel has no gradient; its step changes the weights by momentum and decay alone.
    const scale = weightSum > 0 ? 1 / weightSum : 0;
    const start = this.#ports.now();
    const gradientNorm = (await this.#ports.reducers.gradientSumNorm(numLeaves)) * scale;
    if (!Number.isFinite(gradientNorm)) {
      throw new UserError(
        `the gradient of step ${step + 1} is not a finite number: lower --learning-rate or clip harder, ` +
          'then continue from an earlier checkpoint with --resume',
      );
    }
    const { clip, clipLimit } = this.#train;
    const normCoefficient = clip === 'norm' ? clipNormCoefficient(clipLimit, gradientNorm) : 1;
    const updateIndex = step + 1;
    await this.#ports.reducers.apply(numLeaves, { scale, normCoefficient, learningRate, updateIndex });
    this.clock.addOptimize(this.#ports.now() - start);
    this.feed({ type: 'committed', step, gradientNorm });
  }
}
