/**
 * How a coordinator comes by reducers in other processes: it says that it wants some until enough have offered themselves,
 * or for so long. What it keeps true: only a process of this version is taken, each once, in an order that they do not
 * choose; and whoever waits is told who is awaited.
 */
import { type Clock, pause } from '@unet-fleet/shared';
import type { Offer, Wanted } from '@unet-fleet/wire';
import { refusalOfVersion } from '../../shell/admission.ts';

const askEveryMs = 1_000;

export interface RecruitingPorts {
  want(message: Wanted): void;
  refuse(id: string, reason: string): void;
  /** Told before the wait, and whenever another has come. */
  onWait(numThere: number): void;
  onWarning(message: string): void;
}

export interface RecruitingOptions {
  wanted: Wanted;
  numProcesses: number;
  /** How long to wait for all of them. */
  patienceMs: number;
  softwareVersion: string;
  clock: Clock;
  /** Ends the wait. */
  signal: AbortSignal;
}

export interface Recruit {
  id: string;
  offer: Offer;
}

export class Recruiting {
  readonly #ports: RecruitingPorts;
  readonly #options: RecruitingOptions;
  readonly #there = new Map<string, Offer>();
  readonly #refused = new Set<string>();

  constructor(ports: RecruitingPorts, options: RecruitingOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** A process offers itself, maybe not for the first time. */
  offered(id: string, offer: Offer): void {
    const { numProcesses, softwareVersion, wanted } = this.#options;
    if (offer.term !== wanted.term || this.#refused.has(id)) return;
    const reason = refusalOfVersion(offer, softwareVersion, 'reducer');
    if (reason !== null) {
      this.#refused.add(id);
      this.#ports.refuse(id, reason);
      this.#ports.onWarning(reason);
      return;
    }
    // Those beyond go on waiting: one of them is there when another is lost.
    if (this.#there.has(id) || this.#there.size >= numProcesses) return;
    this.#there.set(id, offer);
    if (!this.#isEnough) this.#ports.onWait(this.#there.size);
  }

  /** A process is gone before it was taken. */
  left(id: string): void {
    this.#there.delete(id);
  }

  /** Resolves with those that are there when all are, or the time is over: maybe none. */
  async run(): Promise<Recruit[]> {
    const { clock, patienceMs, signal, wanted } = this.#options;
    const untilMs = clock.now() + patienceMs;
    for (let isFirst = true; !this.#isEnough && !signal.aborted && clock.now() < untilMs; isFirst = false) {
      this.#ports.want(wanted);
      if (isFirst) this.#ports.onWait(this.#there.size);
      const askAgainMs = clock.now() + askEveryMs;
      // In short pauses: whoever is there is not kept waiting.
      while (!this.#isEnough && !signal.aborted && clock.now() < askAgainMs) await pause(clock, lookEveryMs);
    }
    return [...this.#there].map(([id, offer]) => ({ id, offer })).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get #isEnough(): boolean {
    return this.#there.size >= this.#options.numProcesses;
  }
}

const lookEveryMs = 50;
