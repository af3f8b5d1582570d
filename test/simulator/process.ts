/**
 * A process of the simulated cluster: it can be stopped and continued (what comes meanwhile waits in line), crash
 * between any two of its effects, and has a clock of its own that runs ahead and jumps, but never back.
 */
import type { Clock } from '@unet-fleet/shared';
import type { EventQueue } from './queue.ts';

/** What processes share: virtual time and the line of what will happen. */
export interface World {
  nowMs: number;
  readonly queue: EventQueue;
  /** Promises were settled: who awaits them goes on before the next event. */
  hasSettled: boolean;
}

export class SimulatedProcess implements Clock {
  readonly world: World;
  readonly name: string;
  isAlive = true;
  isStopped = false;
  /** Effects that it still carries out before it crashes; null: it does not. */
  crashAfterEffects: number | null = null;
  readonly #backlog: (() => void)[] = [];
  readonly #clockRate: number;
  readonly #startedMs: number;
  readonly #onCrash: () => void;
  #clockOffsetMs: number;

  /** `onCrash`: ends the process, and what else ends with it. */
  constructor(
    world: World,
    name: string,
    clockOffsetMs: number,
    clockRate: number,
    onCrash: () => void = () => this.kill(),
  ) {
    this.world = world;
    this.name = name;
    this.#onCrash = onCrash;
    this.#clockOffsetMs = clockOffsetMs;
    this.#clockRate = clockRate;
    this.#startedMs = world.nowMs;
  }

  /** By its own clock. */
  now(): number {
    return this.#clockOffsetMs + (this.world.nowMs - this.#startedMs) * this.#clockRate;
  }

  jumpClock(ms: number): void {
    this.#clockOffsetMs += ms;
  }

  /** Runs in this process: now, when it goes on, or never. */
  run(work: () => void): void {
    if (!this.isAlive) return;
    if (this.isStopped) this.#backlog.push(work);
    else work();
  }

  after(delayMs: number, work: () => void): () => void {
    let isWanted = true;
    this.world.queue.push(this.world.nowMs + delayMs, () =>
      this.run(() => {
        if (!isWanted) return;
        this.world.hasSettled = true;
        work();
      }),
    );
    return () => {
      isWanted = false;
    };
  }

  /** As setInterval: while the process is stopped, ticks fall together into one. */
  every(periodMs: number, work: () => void): () => void {
    let isWanted = true;
    let isWaiting = false;
    const tick = () => {
      if (!this.isAlive || !isWanted) return;
      this.world.queue.push(this.world.nowMs + periodMs, tick);
      if (isWaiting) return;
      isWaiting = true;
      this.run(() => {
        isWaiting = false;
        if (isWanted) work();
      });
    };
    this.world.queue.push(this.world.nowMs + periodMs, tick);
    return () => {
      isWanted = false;
    };
  }

  stop(): void {
    this.isStopped = true;
  }

  continue(): void {
    this.isStopped = false;
    // One after another, as ever: who awaits what one of them settles goes on before the next.
    for (const work of this.#backlog.splice(0)) this.after(0, work);
  }

  kill(): void {
    this.isAlive = false;
    this.#backlog.length = 0;
  }

  /** Called before each effect: whether the process lives to carry it out. */
  survivesEffect(): boolean {
    if (this.crashAfterEffects === null) return this.isAlive;
    if (this.crashAfterEffects-- > 0) return this.isAlive;
    this.crashAfterEffects = null;
    this.#onCrash();
    return false;
  }
}
