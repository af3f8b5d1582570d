/**
 * The coordinator's end of one process with reducers: each of them is called as if it were a thread. What it keeps true: a
 * call ends, by its answer or by the process's loss; what a person could mend at the process is its loss as well, never the
 * run's end; and a process that is lost stays so, whatever is heard of it later.
 */
import type { Version } from '@unet-fleet/law';
import type { Clock } from '@unet-fleet/shared';
import { type Arguments, Link, type LinkMessage } from '@unet-fleet/shared/threads';
import { Dialogue, type DialoguePorts, type Packet } from '@unet-fleet/wire';
import type { ModelState } from '../bucket-owner.ts';
import { ReducerLost } from '../failure.ts';
import type { ReducerThread } from '../pool.ts';
import type { StateShare } from '../share.ts';
import type { ReducerListener, ReducerThreadFunctions } from '../thread.ts';
import { decodeAnswer, encodeCall, type RemoteFunctions } from './calls.ts';

/** What is heard of a process that has ended its connection, but is not gone, is heard within this. */
const goneMs = 3_000;
/** Time for ending its threads. */
const closeMs = 5_000;

/** Carries the state beside the calls, see state-thread.ts. */
export interface StateCarrier {
  /** Rejects with an Error that says why it can't be had. */
  fetch(peer: string, snapshot: number, state: ModelState, share: StateShare): Promise<void>;
}

export interface RemoteProcessOptions {
  term: number;
  /** As a peer. */
  id: string;
  /** For people. */
  name: string;
  /** Of each of its reducers. */
  shares: readonly StateShare[];
  pieceBytes: number;
  /** Silence after which it is taken for lost. */
  silenceMs: number;
  clock: Clock;
  carrier: StateCarrier;
  listener: ReducerListener;
  onLost(error: ReducerLost): void;
}

export class RemoteProcess {
  readonly id: string;
  readonly reducers: readonly ReducerThread[];
  readonly #options: RemoteProcessOptions;
  readonly #remotes: readonly RemoteReducer[];
  readonly #dialogue: Dialogue;
  /** When its connection closed, as the broker says. */
  #goneAtMs: number | null = null;
  #lost: ReducerLost | null = null;

  constructor(ports: DialoguePorts, options: RemoteProcessOptions) {
    const { clock, pieceBytes, shares, term } = options;
    this.id = options.id;
    this.#options = options;
    const receive = (message: Uint8Array) => this.#receive(message);
    this.#dialogue = new Dialogue(ports, { term, pieceBytes, clock, receive });
    this.#remotes = shares.map((share, thread) => new RemoteReducer(this, thread, share, options));
    this.reducers = this.#remotes.map((remote) => remote as unknown as ReducerThread);
  }

  /** Why it is lost; null while it is not. */
  get lost(): ReducerLost | null {
    return this.#lost;
  }

  /** Whether it knows by now that it was taken. */
  get hasAnswered(): boolean {
    return this.#dialogue.hasHeard;
  }

  /** What it says of this term. */
  take(packet: Packet): void {
    if (this.#lost) return;
    this.#goneAtMs = null;
    try {
      this.#dialogue.take(packet);
    } catch (error) {
      this.lose((error as Error).message);
    }
  }

  say(thread: number, message: LinkMessage): void {
    if (!this.#lost) this.#dialogue.send(encodeCall(thread, message));
  }

  /** Its connection has closed. A client that finds its way back says so at once. */
  disconnected(): void {
    this.#goneAtMs ??= this.#options.clock.now();
  }

  reconnected(): void {
    this.#goneAtMs = null;
    if (!this.#lost) this.#dialogue.reconnected();
  }

  /** Looks whether it is still there; while the broker is away nobody can tell. */
  look(): void {
    const { clock, silenceMs } = this.#options;
    const now = clock.now();
    if (this.#goneAtMs !== null && now - this.#goneAtMs > goneMs) this.lose('its connection has closed');
    if (now - this.#dialogue.heardMs > silenceMs) {
      this.lose(`nothing was heard of it for ${Math.round(silenceMs / 1000)} s`);
    }
  }

  lose(reason: string): void {
    if (this.#lost) return;
    this.#lost = new ReducerLost(this.#options.name, reason);
    this.#dialogue.close();
    for (const remote of this.#remotes) remote.lose(this.#lost);
    this.#options.onLost(this.#lost);
  }

  /** One reducer has ended as it was asked to. */
  hasClosed(): void {
    if (this.#remotes.every(({ isLost }) => isLost)) this.#dialogue.close();
  }

  #receive(message: Uint8Array): void {
    const heard = decodeAnswer(message, (thread, id) => this.#remotes[thread]?.nameOf(id));
    if (!heard) {
      this.lose('it has sent what is no answer');
      return;
    }
    const { failure } = heard.message as { failure?: { message: string; exitCode: number | null } };
    if (failure && failure.exitCode !== null) this.lose(failure.message);
    else this.#remotes[heard.thread]?.hear(heard.message, this.#options.listener);
  }
}

/** A Link whose other end is in another process. */
class RemoteLink extends Link<RemoteFunctions> {
  hear(message: LinkMessage, functions: object): void {
    this.take(message, functions);
  }

  lose(reason: Error): void {
    this.lost(reason);
  }
}

/** As a thread of this process, for ReducerPool. */
class RemoteReducer {
  readonly ended: Promise<Error | null>;
  readonly #process: RemoteProcess;
  readonly #share: StateShare;
  readonly #options: RemoteProcessOptions;
  readonly #link: RemoteLink;
  /** Names of calls that are out, by their ids. */
  readonly #names = new Map<number, string>();
  #end!: (error: Error | null) => void;

  constructor(process: RemoteProcess, thread: number, share: StateShare, options: RemoteProcessOptions) {
    this.#process = process;
    this.#share = share;
    this.#options = options;
    this.#link = new RemoteLink((message) => {
      if ('call' in message && message.id !== null) this.#names.set(message.id, message.call);
      process.say(thread, message);
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get isLost(): boolean {
    return this.#link.isLost;
  }

  nameOf(id: number): string | undefined {
    return this.#names.get(id);
  }

  hear(message: LinkMessage, listener: ReducerListener): void {
    if ('answer' in message) this.#names.delete(message.answer);
    this.#link.hear(message, listener);
  }

  lose(reason: Error): void {
    this.#link.lose(reason);
    this.#end(reason);
  }

  /** As Thread.call: calls are begun in the order in which they are made. */
  async call<Name extends keyof ReducerThreadFunctions>(
    name: Name,
    args: Arguments<ReducerThreadFunctions[Name]>,
  ): Promise<unknown> {
    if (name === 'load') return this.#link.call('load', [args[0] as Version]);
    if (name === 'save') return this.#save(args[0] as unknown as ModelState);
    if (name === 'close') return this.#close();
    return this.#link.call(name as keyof RemoteFunctions, args as never);
  }

  /** It is copied before whatever is asked next; then there is time for fetching it. */
  async #save(state: ModelState): Promise<void> {
    const { carrier, id } = this.#options;
    const snapshot = await this.#link.call('save', []);
    try {
      await carrier.fetch(id, snapshot, state, this.#share);
    } catch (error) {
      this.#process.lose(`its state can't be had: ${(error as Error).message}`);
      throw this.#process.lost;
    }
    await this.#link.call('saved', [snapshot]);
  }

  async #close(): Promise<void> {
    const stopWaiting = this.#options.clock.after(closeMs, () =>
      this.#process.lose('it did not end in time'),
    );
    try {
      await this.#link.call('close', []);
      this.lose(new Error('the reducer has ended'));
      this.#process.hasClosed();
    } finally {
      stopWaiting();
    }
  }
}
