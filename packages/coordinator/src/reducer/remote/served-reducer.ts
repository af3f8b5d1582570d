/**
 * A reducer at its own process's end of the coordinator's calls: what a thread does itself is passed on, and state comes and
 * goes as bulk. What it keeps true: calls reach the reducer in the order in which they were made, and a snapshot is copied
 * before the call after it is begun.
 */
import { UserError, type Version } from '@unet-fleet/law';
import { Link, type LinkMessage } from '@unet-fleet/shared/threads';
import { type BulkInbox, type BulkOutbox, FetchError, statePeer } from '@unet-fleet/wire';
import type { ModelState } from '../bucket-owner.ts';
import type { ReducerThread } from '../pool.ts';
import type { StateShare } from '../share.ts';
import type { ReducerListener } from '../thread.ts';
import { encodeAnswer, type RemoteFunctions, remoteFunctionNames } from './calls.ts';
import { fetchState, isOfSnapshot, offerState } from './state.ts';

export interface ServedReducerOptions {
  term: number;
  /** Which of its process's it is. */
  thread: number;
  reducer: ReducerThread;
  share: StateShare;
  /** Null when the process ends before there is any. */
  bulk(): Promise<{ inbox: BulkInbox; outbox: BulkOutbox } | null>;
  newState(): ModelState;
  send(bytes: Uint8Array): void;
  /** Nobody hears from a thread that has died: the process has to go with it. */
  onDied(error: Error): void;
}

/** Snapshots of a process are told apart by the thread, too. */
const mostThreads = 256;

export class ServedReducer extends Link<ReducerListener> {
  readonly #options: ServedReducerOptions;
  readonly #functions: RemoteFunctions;
  /** Names of calls that have no answer yet, by their ids. */
  readonly #names: Map<number, string>;
  #numSnapshots = 0;
  /** Not fetched yet, by their numbers. */
  readonly #snapshots = new Map<number, ModelState>();
  /** Vectors of an earlier snapshot: memory that was touched before is copied to several times faster. */
  #spare: ModelState | undefined;

  constructor(options: ServedReducerOptions) {
    const names = new Map<number, string>();
    super((message) => {
      const id = 'answer' in message ? message.answer : null;
      const name = id === null ? undefined : names.get(id);
      if (id !== null) names.delete(id);
      options.send(encodeAnswer(options.thread, name, message));
    });
    this.#options = options;
    this.#names = names;
    const forwarded = remoteFunctionNames.map((name) => [
      name,
      (...args: never[]) => this.#whileAlive(options.reducer.call(name as 'close', args as [])),
    ]);
    this.#functions = {
      ...(Object.fromEntries(forwarded) as RemoteFunctions),
      load: (version) => this.#load(version),
      save: () => this.#save(),
      saved: (snapshot) => this.#saved(snapshot),
    };
  }

  /** A call of the coordinator's. */
  hear(message: LinkMessage): void {
    if ('call' in message && message.id !== null) this.#names.set(message.id, message.call);
    this.take(message, this.#functions);
  }

  async #whileAlive<T>(answer: Promise<T>): Promise<T> {
    const { onDied, reducer } = this.#options;
    try {
      return await answer;
    } catch (error) {
      if (!reducer.isLost) throw error;
      onDied(error as Error);
      return new Promise(() => {});
    }
  }

  async #load(version: Version): Promise<void> {
    const { bulk, newState, reducer, share, term } = this.#options;
    const carrier = await bulk();
    if (!carrier) return;
    const state = newState();
    try {
      await fetchState(carrier.inbox, statePeer(term), { term, version, snapshot: 0 }, state, share);
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      // The coordinator takes this process for lost, and begins anew.
      throw new UserError(`the state can't be had: ${error.message}`);
    }
    await this.#whileAlive(reducer.call('load', [version, state]));
  }

  async #save(): Promise<number> {
    const { bulk, newState, reducer, share, term, thread } = this.#options;
    const state = this.#spare ?? newState();
    this.#spare = undefined;
    const snapshot = ++this.#numSnapshots * mostThreads + thread;
    const copied = this.#whileAlive(reducer.call('save', [state]));
    const carrier = await bulk();
    await copied;
    this.#snapshots.set(snapshot, state);
    if (carrier) offerState(carrier.outbox, { term, version: 0, snapshot }, state, share);
    return snapshot;
  }

  async #saved(snapshot: number): Promise<void> {
    (await this.#options.bulk())?.outbox.withdraw((key) => !isOfSnapshot(key, snapshot));
    this.#spare = this.#snapshots.get(snapshot);
    this.#snapshots.delete(snapshot);
  }
}
