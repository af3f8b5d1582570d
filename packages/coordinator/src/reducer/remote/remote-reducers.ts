/**
 * All processes with reducers of a run, at the coordinator: found, taken, spoken to, and watched. What it keeps true: what
 * a process says counts only under its own name and for this term; the first that is lost is told, once, and takes the
 * whole term with it, as the state that it had is nowhere else.
 */
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { ModelDescription, TrainConfig, Version } from '@unet-fleet/law';
import { realClock } from '@unet-fleet/shared';
import { Thread } from '@unet-fleet/shared/threads';
import {
  type BrokerAddress,
  type Link,
  pieceBytesOf,
  type ReducerDown,
  type ReducerUp,
  reducerIdentity,
  type Subjects,
  senderOf,
  type Taken,
  type Wanted,
  watchLink,
} from '@unet-fleet/wire';
import { decode, encode } from '@unet-fleet/wire/protocol/messages';
import { reducerUp } from '@unet-fleet/wire/protocol/reducer-messages';
import { watchDisconnects } from '../../broker/disconnects.ts';
import type { ModelState } from '../bucket-owner.ts';
import type { ReducerLost } from '../failure.ts';
import { newHashSecret, type ReducerThread } from '../pool.ts';
import { type StateShare, shareOf } from '../share.ts';
import type { ReducerListener } from '../thread.ts';
import { type Recruit, Recruiting, type RecruitingOptions, type RecruitingPorts } from './recruiting.ts';
import { RemoteProcess } from './remote-process.ts';
import type { StateThreadFunctions, StateThreadOptions } from './state-thread.ts';

const lookMs = 500;

export interface RemoteReducersOptions {
  connection: NatsConnection;
  broker: BrokerAddress;
  subjects: Subjects;
  runId: string;
  term: number;
  train: TrainConfig;
  model: ModelDescription;
  /** Silence after which a process is taken for lost. */
  silenceMs: number;
  listener: ReducerListener;
}

export class RemoteReducers {
  /** Rejects when one that was taken is lost; never resolves. */
  readonly lost: Promise<never>;
  readonly hashSecret = newHashSecret();
  readonly #options: RemoteReducersOptions;
  readonly #link: Link;
  readonly #endWatches: (() => void)[];
  #tellLost!: (error: ReducerLost) => void;
  #recruiting: Recruiting | null = null;
  #processes = new Map<string, { process: RemoteProcess; taken: Taken }>();
  #state: Thread<StateThreadFunctions> | null = null;

  constructor(options: RemoteReducersOptions) {
    const { connection, subjects } = options;
    this.#options = options;
    this.lost = new Promise((_, reject) => {
      this.#tellLost = reject;
    });
    // It may be lost before anybody waits for it.
    this.lost.catch(() => {});
    this.#link = watchLink(connection, {
      onBack: () => {
        for (const { process } of this.#processes.values()) process.reconnected();
      },
    });
    const disconnects = watchDisconnects(connection, (id) => this.#disconnected(id));
    const subscription: Subscription = connection.subscribe(subjects.reducerUp(`${reducerIdentity}.*`), {
      callback: (error, { subject, data }) => {
        const id = error ? null : senderOf(subject);
        const message = id?.startsWith(`${reducerIdentity}.`) ? decode(reducerUp, data) : null;
        if (id && message && message.term === options.term) this.#receive(id, message);
      },
    });
    const endLooks = realClock.every(lookMs, this.#looker());
    this.#endWatches = [endLooks, () => disconnects.close(), () => subscription.unsubscribe()];
  }

  /** Seeks so many processes; resolves with those that are there. */
  async recruit(
    events: Pick<RecruitingPorts, 'onWait' | 'onWarning'>,
    options: Omit<RecruitingOptions, 'wanted' | 'clock'> & { wanted: Omit<Wanted, 'type' | 'term'> },
  ): Promise<Recruit[]> {
    const { connection, subjects, term } = this.#options;
    const ports: RecruitingPorts = {
      ...events,
      want: (message) => {
        if (this.#link.isUp) connection.publish(subjects.reducers, encode(message));
      },
      refuse: (id, reason) => this.#say(id, { type: 'refusal', term, reason }),
    };
    const wanted: Wanted = { type: 'wanted', term, ...options.wanted };
    this.#recruiting = new Recruiting(ports, { ...options, wanted, clock: realClock });
    const recruits = await this.#recruiting.run();
    this.#recruiting = null;
    return recruits;
  }

  /** Deals the buckets out among the reducers of these processes, in their order. */
  take(recruits: readonly Recruit[], usesSharedMemory: boolean): ReducerThread[] {
    const { broker, model, runId, term, train } = this.#options;
    const { numParameters, numStatistics } = model;
    const numReducers = recruits.reduce((sum, { offer }) => sum + offer.numThreads, 0);
    const data: StateThreadOptions = { broker, runId, term };
    const file = new URL('./state-thread.js', import.meta.url);
    this.#state = new Thread<StateThreadFunctions>(file, { name: 'the thread with the state', data });
    let firstReducer = 0;
    for (const { id, offer } of recruits) {
      const taken: Taken = {
        type: 'taken',
        ...{ term, runId, firstReducer, numReducers, numParameters, numStatistics, usesSharedMemory },
        train: { ...train },
        hashSecret: this.hashSecret,
      };
      const shares = Array.from({ length: offer.numThreads }, (_, thread) =>
        shareOf(model, taken.firstReducer + thread, numReducers),
      );
      firstReducer += offer.numThreads;
      this.#processes.set(id, { process: this.#openProcess(id, offer.name, shares), taken });
      this.#say(id, taken);
    }
    return [...this.#processes.values()].flatMap(({ process }) => process.reducers);
  }

  /** The reducers can load this; when they have, `loaded`. */
  async offer(version: Version, state: ModelState): Promise<void> {
    await this.#state!.call('offer', [version, state, shareOf(this.#options.model, 0, 1)]);
  }

  loaded(): void {
    this.#state!.tell('withdraw');
  }

  /** After the reducers themselves are closed. */
  async close(): Promise<void> {
    for (const end of this.#endWatches) end();
    await this.#state?.call('close', []);
    await this.#state?.ended;
  }

  #openProcess(id: string, name: string, shares: readonly StateShare[]): RemoteProcess {
    const { connection, listener, silenceMs, term } = this.#options;
    return new RemoteProcess(
      { link: this.#link, send: (packet) => this.#say(id, packet) },
      {
        ...{ id, listener, name, shares, silenceMs, term },
        pieceBytes: pieceBytesOf(connection),
        clock: realClock,
        carrier: {
          fetch: async (peer, snapshot, state, share) => {
            const why = await this.#state!.call('fetch', [peer, snapshot, state, share]);
            if (why !== null) throw new Error(why);
          },
        },
        onLost: (error) => {
          this.#state!.tell('forgetPeer', id);
          this.#tellLost(error);
        },
      },
    );
  }

  #receive(id: string, message: ReducerUp): void {
    const process = this.#processes.get(id)?.process;
    if (message.type === 'packet') process?.take(message);
    else if (message.type === 'offer') this.#recruiting?.offered(id, message);
    else {
      this.#recruiting?.left(id);
      process?.lose(message.reason);
    }
  }

  #disconnected(id: string): void {
    this.#recruiting?.left(id);
    this.#processes.get(id)?.process.disconnected();
  }

  /** Who does not know yet that it is taken is told again. */
  #looker(): () => void {
    let lastMs = realClock.now();
    return () => {
      const now = realClock.now();
      // This process itself has stood still: nobody was heard meanwhile.
      const hasStalled = now - lastMs > 4 * lookMs;
      lastMs = now;
      for (const [id, { process, taken }] of this.#processes) {
        if (hasStalled) process.reconnected();
        if (!this.#link.isUp) continue;
        if (!process.hasAnswered) this.#say(id, taken);
        process.look();
      }
    };
  }

  #say(id: string, message: ReducerDown): void {
    const { connection, subjects } = this.#options;
    if (this.#link.isUp) connection.publish(subjects.reducerDown(id), encode(message));
  }
}
