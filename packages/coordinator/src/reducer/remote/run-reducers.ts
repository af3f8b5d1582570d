/**
 * A process with reducers: it offers itself to a coordinator that wants some, serves the one that takes it until that term
 * is over, and offers itself again. What it keeps true: it serves one term at a time and none twice, so that nothing of an
 * older one is ever answered in the name of a newer.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { exitCodes, UserError } from '@unet-fleet/law';
import { realClock } from '@unet-fleet/shared';
import {
  type BrokerAddress,
  type Link,
  pieceBytesOf,
  type ReducerUp,
  safeId,
  seesSharedMemory,
  subjectsOf,
  type Taken,
  type Wanted,
  watchLink,
} from '@unet-fleet/wire';
import { decode, downMessage, encode, protocolVersion } from '@unet-fleet/wire/protocol/messages';
import { reducerDown, wanted } from '@unet-fleet/wire/protocol/reducer-messages';
import { connectWhenThere, flushGoodbye } from '@unet-fleet/wire/transport/connect';
import { ReducerService } from './reducer-service.ts';

export interface ReducerProcessOptions {
  broker: BrokerAddress;
  /** How long to wait for a broker that is not there yet. */
  brokerPatienceMs: number;
  /** How long to wait for a coordinator, at first and whenever it is gone; Infinity: for ever. */
  runPatienceMs: number;
  /** `reducer.<instance>`, unique per process start. */
  reducerId: string;
  /** For people: host and process. */
  name: string;
  /** The run's id; '' for the first that wants reducers. */
  runId: string;
  /** Reducers in this process. */
  numThreads: number;
  softwareVersion: string;
  log(message: string): void;
  /** Asks the process to leave. */
  signal: AbortSignal;
}

export interface ReducerOutcome {
  cause: 'over' | 'requested';
  reason: string;
}

const lookMs = 1_000;
/** Runs on one broker that a process may have offered itself to. */
const maxOffers = 64;

/**
 * Serves until the run is complete or the signal fires. Throws a UserError when the run refuses it, or neither broker nor
 * coordinator come in time.
 */
export async function runReducers(options: ReducerProcessOptions): Promise<ReducerOutcome> {
  const { broker, log, reducerId, runId, signal } = options;
  if (runId !== '' && !safeId.test(runId)) {
    throw new UserError(
      `${JSON.stringify(runId)} is not a run's id: use the one that the coordinator prints`,
    );
  }
  // The connection's name is the id, so that the broker's word that it closed names the process.
  const connection = await connectWhenThere(
    { ...broker, name: reducerId, peer: reducerId },
    options.brokerPatienceMs,
    (reason) => log(`waiting for the broker: ${reason}`),
    signal,
  );
  if (connection === null) return { cause: 'requested', reason: String(signal.reason) };
  const reducers = new ReducerProcess(connection, options);
  try {
    return await reducers.run();
  } finally {
    await connection.close();
  }
}

class ReducerProcess {
  readonly #connection: NatsConnection;
  readonly #options: ReducerProcessOptions;
  readonly #link: Link;
  #service: ReducerService | null = null;
  /** Of services that are ending: their threads have their memory until then. */
  #closing: Promise<void> = Promise.resolve();
  #isClosing = false;
  /** The newest that it has served, by run. */
  readonly #served = new Map<string, number>();
  /** What it has answered with an offer, by run. */
  readonly #offered = new Map<string, Wanted & { sharesMemory: boolean }>();
  #heardMs = realClock.now();
  #end!: { resolve(outcome: ReducerOutcome): void; reject(error: Error): void };
  readonly #ended: Promise<ReducerOutcome>;

  constructor(connection: NatsConnection, options: ReducerProcessOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#ended = new Promise((resolve, reject) => {
      this.#end = { resolve, reject };
    });
    this.#link = watchLink(connection, {
      onLost: (reason) => options.log(`${reason}: waiting for the broker`),
      onBack: () => {
        this.#heardMs = realClock.now();
        this.#service?.reconnected();
      },
      onRefused: (error) => options.log(`the broker refuses what this process does: ${error.message}`),
    });
  }

  async run(): Promise<ReducerOutcome> {
    const { log, reducerId, runId, runPatienceMs, signal } = this.#options;
    const ofRun = subjectsOf(runId === '' ? 'any' : runId);
    const subject = (text: string) => (runId === '' ? text.replace('.run.any.', '.run.*.') : text);
    this.#listen(subject(ofRun.reducers), (run, data) => this.#wanted(run, data));
    this.#listen(subject(ofRun.reducerDown(reducerId)), (run, data) => this.#told(run, data));
    this.#listen(subject(ofRun.all), (run, data) => this.#ofAll(run, data));
    void this.#connection.closed().then((error) => {
      const why = error ? `: ${error.message}` : '';
      this.#end.reject(new UserError(`the connection to the broker was closed${why}`, exitCodes.unavailable));
    });
    const endLooks = realClock.every(lookMs, () => {
      const heardMs = Math.max(this.#heardMs, this.#service?.heardMs ?? 0);
      if (!this.#link.isUp || realClock.now() - heardMs <= runPatienceMs) return;
      const seconds = Math.round(runPatienceMs / 1000);
      this.#end.reject(
        new UserError(
          `no coordinator wants reducers for ${seconds} s: start it with --reducers, or raise --wait-run`,
          exitCodes.unavailable,
        ),
      );
    });
    const leave = () => this.#end.resolve({ cause: 'requested', reason: String(signal.reason) });
    signal.addEventListener('abort', leave);
    if (signal.aborted) leave();
    log('waiting for a coordinator that wants reducers');
    let goodbye = '';
    try {
      const outcome = await this.#ended;
      goodbye = outcome.reason;
      return outcome;
    } catch (error) {
      goodbye = (error as Error).message;
      throw error;
    } finally {
      endLooks();
      signal.removeEventListener('abort', leave);
      this.#leave(goodbye);
      await flushGoodbye(this.#connection);
      await this.#closing;
    }
  }

  #listen(subject: string, hear: (runId: string, data: Uint8Array) => void): void {
    this.#connection.subscribe(subject, {
      callback: (error, message) => {
        const [, , runId = ''] = message?.subject.split('.') ?? [];
        if (error || !safeId.test(runId)) return;
        this.#heardMs = realClock.now();
        hear(runId, message.data);
      },
    });
  }

  /** A later start of the run that it serves ends that service: what it has is of no use any more. */
  #wanted(runId: string, data: Uint8Array): void {
    const message = decode(wanted, data);
    if (!message || message.term <= (this.#served.get(runId) ?? 0)) return;
    if (this.#service?.runId === runId) this.#endService('the coordinator has begun anew');
    if (this.#service || this.#isClosing) return;
    const { term, sharedMemoryFolder, sharedMemoryToken } = message;
    const sharesMemory = seesSharedMemory(sharedMemoryFolder, sharedMemoryToken);
    if (this.#offered.size >= maxOffers) this.#offered.clear();
    this.#offered.set(runId, { ...message, sharesMemory });
    const { name, numThreads, softwareVersion } = this.#options;
    this.#say(runId, {
      type: 'offer',
      ...{ term, name, protocolVersion, softwareVersion, numThreads, sharesMemory },
    });
  }

  #told(runId: string, data: Uint8Array): void {
    const message = decode(reducerDown, data);
    if (!message) return;
    const service = this.#service;
    if (message.type === 'packet') {
      if (service && service.runId === runId && service.term === message.term) this.#take(service, message);
    } else if (message.type === 'refusal') {
      this.#end.reject(new UserError(message.reason));
    } else if (!service && message.runId === runId) this.#serve(message);
  }

  #take(service: ReducerService, packet: Parameters<ReducerService['take']>[0]): void {
    try {
      service.take(packet);
    } catch (error) {
      this.#end.reject(error as Error);
    }
  }

  #serve(taken: Taken): void {
    const { broker, log, numThreads, reducerId } = this.#options;
    const { runId, term } = taken;
    const offered = this.#offered.get(runId);
    if (term <= (this.#served.get(runId) ?? 0) || term !== offered?.term) return;
    this.#offered.clear();
    this.#served.set(runId, term);
    log(`reducing for run ${runId} with ${numThreads} of its ${taken.numReducers} reducers`);
    this.#service = new ReducerService(
      { link: this.#link, send: (packet) => this.#say(runId, packet) },
      {
        ...{ broker, numThreads, taken },
        me: reducerId,
        pieceBytes: pieceBytesOf(this.#connection),
        sharedMemoryFolder: offered.sharesMemory ? offered.sharedMemoryFolder : '',
        onFailed: (error) => this.#end.reject(error),
      },
    );
  }

  /** The end of the run, or a later start of it that has not asked for reducers. */
  #ofAll(runId: string, data: Uint8Array): void {
    const message = decode(downMessage, data);
    const service = this.#service;
    if (message && service?.runId === runId && message.term > service.term) {
      this.#endService('the coordinator has begun anew');
    }
    if (message?.type !== 'over') return;
    if (service?.runId === runId && message.term >= service.term) {
      if (!message.isComplete) this.#options.log(message.reason);
      this.#endService(message.reason);
    }
    const isOwn = this.#options.runId === runId || this.#served.has(runId);
    if (isOwn && message.isComplete) this.#end.resolve({ cause: 'over', reason: message.reason });
  }

  #endService(reason: string): void {
    const service = this.#service;
    if (!service) return;
    this.#service = null;
    this.#say(service.runId, { type: 'bye', term: service.term, reason });
    this.#isClosing = true;
    this.#closing = service
      .close()
      .catch((error: Error) => this.#end.reject(error))
      .finally(() => {
        this.#isClosing = false;
      });
  }

  #leave(reason: string): void {
    this.#endService(reason);
    // Or it has offered itself, and is counted on.
    for (const [runId, { term }] of this.#offered) this.#say(runId, { type: 'bye', term, reason });
  }

  #say(runId: string, message: ReducerUp): void {
    if (!this.#link.isUp) return;
    this.#connection.publish(subjectsOf(runId).reducerUp(this.#options.reducerId), encode(message));
  }
}
