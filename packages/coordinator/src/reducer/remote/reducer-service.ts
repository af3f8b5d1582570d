/**
 * What a process with reducers does for one term of a run: its reducers are threads like a coordinator's own, spoken to over
 * one dialogue. What it keeps true: a thread that dies is the end of the process, not an answer.
 */
import type { TrainConfig } from '@unet-fleet/law';
import { createOptimizer } from '@unet-fleet/numerics';
import { realClock } from '@unet-fleet/shared';
import { Thread } from '@unet-fleet/shared/threads';
import {
  type BrokerAddress,
  Dialogue,
  type DialoguePorts,
  type NatsEnds,
  natsEnds,
  type Packet,
  reducerIdentity,
  type Taken,
} from '@unet-fleet/wire';
import { connectWhenThere } from '@unet-fleet/wire/transport/connect';
import { emptyState } from '../bucket-owner.ts';
import { ownedIn, type StateShare, shareOf } from '../share.ts';
import type { ReducerListener, ReducerThreadFunctions, ReducerThreadOptions } from '../thread.ts';
import { decodeCall } from './calls.ts';
import { ServedReducer } from './served-reducer.ts';

export interface ReducerServiceOptions {
  taken: Taken;
  /** As a peer. */
  me: string;
  broker: BrokerAddress;
  numThreads: number;
  pieceBytes: number;
  /** Of the coordinator's host, where this process sees it; '' for none. */
  sharedMemoryFolder: string;
  /** The process can't go on: the error is for whoever runs it. */
  onFailed(error: Error): void;
}

type ReducerThread = Thread<ReducerThreadFunctions, ReducerListener>;

export class ReducerService {
  readonly term: number;
  readonly runId: string;
  readonly #options: ReducerServiceOptions;
  readonly #dialogue: Dialogue;
  readonly #reducers: readonly ServedReducer[];
  readonly #threads: readonly ReducerThread[];
  readonly #closing = new AbortController();
  readonly #bulk: Promise<NatsEnds | null>;

  constructor(ports: DialoguePorts, options: ReducerServiceOptions) {
    const { numThreads, pieceBytes, taken } = options;
    this.term = taken.term;
    this.runId = taken.runId;
    this.#options = options;
    this.#dialogue = new Dialogue(ports, {
      term: taken.term,
      pieceBytes,
      clock: realClock,
      receive: (message) => this.#receive(message),
    });
    this.#bulk = this.#openBulk();
    this.#threads = Array.from({ length: numThreads }, (_, thread) => this.#startThread(thread));
    this.#reducers = this.#threads.map((reducer, thread) => this.#serve(reducer, thread));
  }

  take(packet: Packet): void {
    this.#dialogue.take(packet);
  }

  reconnected(): void {
    this.#dialogue.reconnected();
  }

  /** When the coordinator was heard last, as a reading of the clock. */
  get heardMs(): number {
    return this.#dialogue.heardMs;
  }

  /** Ends its threads wherever they are. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#dialogue.close();
    await Promise.all(this.#threads.map((thread) => thread.close()));
    await (await this.#bulk)?.close();
  }

  #receive(message: Uint8Array): void {
    const heard = decodeCall(message);
    const reducer = heard ? this.#reducers[heard.thread] : undefined;
    if (heard && reducer) reducer.hear(heard.message);
    else this.#options.onFailed(new Error('the coordinator has sent what is no call'));
  }

  #serve(reducer: ReducerThread, thread: number): ServedReducer {
    const { onFailed, taken } = this.#options;
    const { term } = taken;
    const train = taken.train as unknown as TrainConfig;
    return new ServedReducer({
      ...{ reducer, term, thread },
      share: this.#shareOf(thread),
      bulk: () => this.#bulk,
      newState: () => emptyState(taken, createOptimizer(train).slots.length),
      send: (bytes) => this.#dialogue.send(bytes),
      onDied: (error) => {
        if (!this.#closing.signal.aborted) onFailed(error);
      },
    });
  }

  #shareOf(thread: number): StateShare {
    const { taken } = this.#options;
    return shareOf(taken, taken.firstReducer + thread, taken.numReducers);
  }

  #startThread(thread: number): ReducerThread {
    const { broker, sharedMemoryFolder, taken } = this.#options;
    const data: ReducerThreadOptions = {
      runId: taken.runId,
      term: taken.term,
      train: taken.train as unknown as TrainConfig,
      // Its own copy: the message that it lies in goes.
      hashSecret: taken.hashSecret.slice(),
      reducer: taken.firstReducer + thread,
      identity: reducerIdentity,
      broker,
      sharedMemoryFolder: taken.usesSharedMemory ? sharedMemoryFolder : '',
      ...ownedIn(this.#shareOf(thread), taken.numStatistics),
    };
    const functions: ReducerListener = {
      onFault: (peer, what) => this.#reducers[thread]?.tell('onFault', peer, what),
      onWait: (reason) => this.#reducers[thread]?.tell('onWait', reason),
    };
    const settings = { name: 'a reducer thread', data, functions };
    return new Thread<ReducerThreadFunctions, ReducerListener>(
      new URL('../thread.js', import.meta.url),
      settings,
    );
  }

  /** Null when the service ends before the broker is there. */
  async #openBulk(): Promise<NatsEnds | null> {
    const { broker, me, taken } = this.#options;
    const connection = await connectWhenThere(
      { ...broker, name: `${me} state`, peer: me },
      Number.POSITIVE_INFINITY,
      () => {},
      this.#closing.signal,
    );
    return connection && natsEnds(connection, taken.runId, me);
  }
}
