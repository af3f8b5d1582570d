/**
 * Asking for a bucket over a way on which anything may be lost: again after a silence, a bounded number of times, and as if
 * for the first time when the broker is back.
 */
import { channel } from 'node:diagnostics_channel';
import type { UserError } from '@unet-fleet/law';
import { type Clock, realClock } from '@unet-fleet/shared';
import { FetchError } from './bulk.ts';
import { type BulkKey, bucketText } from './frame.ts';

/** A peer that has sent nothing for this long is asked again, this often, and then given up. */
const patience: Patience = { silenceMs: 5_000, maxAttempts: 4 };
/** After a damaged frame: the rest of the answer may still be coming, and may be whole. */
const damagedPauseMs = 200;
/** After a broker has come back: its clients do one after another, so a peer that it does not know may still come. */
const returnPauseMs = 200;

/**
 * Told of each answer that was damaged or did not come, though the transfer ends well: nothing else shows it. A channel of
 * the thread's own, and free while nobody listens.
 */
const troubles = channel('unet-fleet:transfer-trouble');

export interface TransferTrouble {
  what: 'damaged' | 'asked again';
  peer: string;
}

export interface Patience {
  silenceMs: number;
  maxAttempts: number;
}

export interface AskingPorts {
  /** Sends the request; false while the broker is away. */
  ask(): boolean;
  /** When the peer was last heard, on the clock; -Infinity for never. */
  lastHeardMs(): number;
  /** Called once: with null when the bucket is there. */
  settled(error: FetchError | UserError | null): void;
}

export class Asking {
  readonly peer: string;
  protected readonly key: BulkKey;
  protected readonly bucket: number;
  readonly #ports: AskingPorts;
  readonly #clock: Clock;
  readonly #patience: Patience;
  #numAttempts = 0;
  #numDamaged = 0;
  #askedAtMs = 0;
  #stopWaiting = () => {};
  #isSettled = false;

  constructor(
    peer: string,
    key: BulkKey,
    bucket: number,
    ports: AskingPorts,
    clock: Clock = realClock,
    limits: Patience = patience,
  ) {
    this.peer = peer;
    this.key = key;
    this.bucket = bucket;
    this.#ports = ports;
    this.#clock = clock;
    this.#patience = limits;
  }

  /** Asks as if for the first time: nothing of the attempts before counts. */
  askAnew(): void {
    this.#numAttempts = 0;
    this.#ask();
  }

  /** The broker knows nobody who serves the peer's subject. */
  missing(mayComeBack: boolean): void {
    if (mayComeBack) this.#after(returnPauseMs, () => this.askAnew());
    else this.settle(new FetchError('absent', `the broker does not know ${this.peer}`));
  }

  /** The peer has answered that it has nothing of the kind. */
  absent(): void {
    this.settle(new FetchError('absent', `the peer no longer has ${bucketText(this.key, this.bucket)}`));
  }

  /** What came can't be used: it is asked for again. */
  damaged(): void {
    this.#numDamaged++;
    this.#tell('damaged');
    this.#after(damagedPauseMs, () => this.#ask());
  }

  protected get isSettled(): boolean {
    return this.#isSettled;
  }

  settle(error: FetchError | UserError | null): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#stopWaiting();
    this.#ports.settled(error);
  }

  #ask(): void {
    this.#stopWaiting();
    if (this.#numAttempts === this.#patience.maxAttempts) {
      this.settle(this.#givenUp());
      return;
    }
    // Asked anew when the broker is back: what is published meanwhile is lost.
    if (!this.#ports.ask()) return;
    if (this.#numAttempts > 0) this.#tell('asked again');
    this.#numAttempts++;
    this.#askedAtMs = this.#clock.now();
    this.#after(this.#patience.silenceMs, () => this.#listen());
  }

  /**
   * A peer sends its answers one after another: while others come, this one may still be under way, and asking again
   * would send it twice over a link that is slow already.
   */
  #listen(): void {
    const { silenceMs } = this.#patience;
    const quietMs = this.#clock.now() - Math.max(this.#askedAtMs, this.#ports.lastHeardMs());
    if (quietMs >= silenceMs) this.#ask();
    // In whole ms: clock and timer need not agree to the last bit of it.
    else this.#after(Math.ceil(silenceMs - quietMs), () => this.#listen());
  }

  #after(ms: number, act: () => void): void {
    this.#stopWaiting();
    if (!this.#isSettled) this.#stopWaiting = this.#clock.after(ms, act);
  }

  #tell(what: TransferTrouble['what']): void {
    troubles.publish({ what, peer: this.peer } satisfies TransferTrouble);
  }

  #givenUp(): FetchError {
    const text = bucketText(this.key, this.bucket);
    return this.#numDamaged > 0
      ? new FetchError('damaged', `what ${this.peer} sent for ${text} was damaged each time`)
      : new FetchError('timeout', `${this.peer} did not send ${text}`);
  }
}
