/**
 * The shell around a worker's session: broker, clock and compute on one side, the pure session on the other. It feeds
 * events in and does what comes out; every decision is the session's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { exitCodes, stepOn, UserError } from '@unet-fleet/law';
import {
  assertFits,
  type BrokerAddress,
  type DownMessage,
  FetchError,
  maxPayloadOf,
  pieceBytesOf,
  type Subjects,
  subjectsOf,
  type Unsent,
  type UpMessage,
  type Welcome,
  type WorkerActivity,
  watchLink,
} from '@unet-fleet/wire';
import {
  decode,
  downMessage,
  encode,
  joinReply,
  maxPartBytes,
  protocolVersion,
} from '@unet-fleet/wire/protocol/messages';
import { connectWhenThere, flushGoodbye } from '@unet-fleet/wire/transport/connect';
import type { RunDataOptions } from '../files/run-data.ts';
import { hears, nextSequence } from '../session/conversation.ts';
import { handleSession, initialSession } from '../session/session.ts';
import type { SessionEffect, SessionEvent, SessionState } from '../session/types.ts';
import { findRun } from './find-run.ts';
import { Overtaken } from './member.ts';
import { Preparation, type WorkerLog } from './prepare.ts';
import { Segments } from './segments.ts';
import { TelemetrySource } from './telemetry.ts';

export interface WorkerOptions extends RunDataOptions {
  broker: BrokerAddress;
  /** How long to wait for a broker that is not there yet. */
  brokerPatienceMs: number;
  /** How long to wait for a coordinator of the run, at first and whenever it is gone; Infinity: for ever. */
  runPatienceMs: number;
  /** `<identity>.<instance>`: what the credentials allow, and unique per process start. */
  workerId: string;
  /** For people: host and process. */
  name: string;
  /** The run's id; '' for the only one on the broker. */
  runId: string;
  /** Whether the broker is that run's own. */
  isOwnBroker?: boolean;
  softwareVersion: string;
  log: WorkerLog;
  /** Time it has for handing over when it is asked to leave. */
  drainMs: number;
  /** Asks the worker to leave: it hands over what it has finished, and the rest back. */
  signal: AbortSignal;
  /** Told of what this worker does; must return at once. */
  onActivity?(activity: WorkerActivity): void;
}

export interface WorkerOutcome {
  cause: 'over' | 'requested';
  reason: string;
}

const tickMs = 250;
const sessionClocks = { heartbeatMs: 1_000, resendMs: 3_000, silenceMs: 15_000, hungMs: 60_000 };

/**
 * Works for a run until it is over or the signal fires. Throws a UserError when the run refuses this worker, when its
 * data or engine fail, or when the broker can't be reached.
 */
export async function runWorker(options: WorkerOptions): Promise<WorkerOutcome> {
  const { workerId } = options;
  // The connection's name is the id, so that the broker's word that it closed names the worker.
  const connection = await connectWhenThere(
    { ...options.broker, name: workerId, peer: workerId },
    options.brokerPatienceMs,
    (reason) => options.log.info(`waiting for the broker: ${reason}`),
    options.signal,
  );
  if (connection === null) return { cause: 'requested', reason: String(options.signal.reason) };
  const preparation = new Preparation({ ...options, maxMessageBytes: maxPayloadOf(connection) });
  try {
    // Without a word of it, a worker with somebody else's credentials would wait for ever.
    watchLink(connection, {
      onRefused: (error) => options.log.info(`the broker refuses what this worker does: ${error.message}`),
    });
    const wait = () => options.log.info('no run on this broker yet: waiting for a coordinator');
    const runId = await findRun(connection, workerId, {
      named: options.runId,
      isOwnBroker: options.isOwnBroker ?? false,
      patienceMs: options.runPatienceMs,
      onWait: wait,
      signal: options.signal,
    });
    if (runId === null) return { cause: 'requested', reason: String(options.signal.reason) };
    return await new WorkerShell(options, connection, subjectsOf(runId), preparation).run();
  } finally {
    await preparation.close();
    await connection.close();
  }
}

class WorkerShell {
  readonly #options: WorkerOptions;
  readonly #connection: NatsConnection;
  readonly #subjects: Subjects;
  readonly #preparation: Preparation;
  readonly #session: SessionState;
  readonly #handOver = new AbortController();
  readonly #telemetry = new TelemetrySource();
  readonly #segments: Segments;
  #end!: { resolve(outcome: WorkerOutcome): void; reject(error: Error): void };
  #isJoining = false;
  #isJoined = false;

  constructor(
    options: WorkerOptions,
    connection: NatsConnection,
    subjects: Subjects,
    preparation: Preparation,
  ) {
    this.#options = options;
    this.#connection = connection;
    this.#subjects = subjects;
    this.#preparation = preparation;
    this.#segments = new Segments(
      (answer) => this.#sayBeside(answer),
      Math.min(maxPartBytes, pieceBytesOf(connection)),
    );
    const config = { ...sessionClocks, drainMs: options.drainMs, aloneMs: options.runPatienceMs };
    this.#session = initialSession(config, performance.now());
  }

  async run(): Promise<WorkerOutcome> {
    const { signal, workerId } = this.#options;
    const ended = new Promise<WorkerOutcome>((resolve, reject) => {
      this.#end = { resolve, reject };
    });
    const receive = (error: Error | null, raw: { data: Uint8Array }) => {
      const message = error ? null : decode(downMessage, raw.data);
      if (message) this.#receive(message);
    };
    this.#connection.subscribe(this.#subjects.down(workerId), { callback: receive });
    this.#connection.subscribe(this.#subjects.all, { callback: receive });
    watchLink(this.#connection, {
      onLost: (reason) => {
        this.#options.log.info(`${reason}: waiting for the broker`);
        this.#tell({ type: 'broker', isConnected: false });
      },
      onBack: () => {
        this.#feed({ type: 'reconnected', now: performance.now() });
        this.#tell({ type: 'broker', isConnected: true });
      },
    });
    void this.#connection.closed().then((error) => {
      const why = error ? `: ${error.message}` : '';
      this.#end.reject(new UserError(`the connection to the broker was closed${why}`, exitCodes.unavailable));
    });
    const leave = () =>
      this.#feed({ type: 'leave-requested', reason: String(signal.reason), now: performance.now() });
    signal.addEventListener('abort', leave);
    const timer = setInterval(() => this.#feed({ type: 'tick', now: performance.now() }), tickMs);
    this.#feed({ type: 'tick', now: performance.now() });
    // It may have come while the broker or the run was sought, before anybody listened.
    if (signal.aborted) leave();
    try {
      const outcome = await ended;
      await flushGoodbye(this.#connection);
      return outcome;
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', leave);
    }
  }

  #feed(event: SessionEvent): void {
    for (const effect of handleSession(this.#session, event)) {
      this.#perform(effect).catch((error: Error) => this.#end.reject(error));
    }
    const { phase } = this.#session;
    const isJoined = phase === 'member' || phase === 'draining';
    if (isJoined === this.#isJoined) return;
    this.#isJoined = isJoined;
    this.#tell({ type: 'membership', isJoined });
  }

  #tell(activity: WorkerActivity): void {
    this.#options.onActivity?.(activity);
  }

  #receive(message: DownMessage): void {
    if (!hears(this.#session, message)) return;
    const now = performance.now();
    const { term } = message;
    switch (message.type) {
      case 'lease': {
        const { leaseId, kind, version, nodes, followed } = message;
        if (followed && this.#preparation.member) this.#preparation.member.followed = followed;
        this.#feed({ type: 'lease', term, lease: { leaseId, kind, version, nodes }, now });
        break;
      }
      case 'segment':
        if (term === this.#session.term) {
          // Only the connection can fail here; whoever asked hears that it is gone.
          this.#segments.receive(message, this.#preparation.member).catch(() => {});
        }
        break;
      case 'pulse':
        this.#feed({ type: 'pulse', term, kind: message.kind, version: message.version, now });
        break;
      case 'dismissed':
        this.#feed({ type: 'dismissed', term, heard: message.heard, now });
        break;
      case 'drain':
        this.#feed({ type: 'drain', term, now });
        break;
      case 'settled': {
        const { kind, version, node } = message;
        this.#feed({ type: 'settled', term, kind, version, node, now });
        break;
      }
      case 'released':
        this.#feed({ type: 'released', term, now });
        break;
      case 'over':
        this.#feed({ type: 'over', term, reason: message.reason, isComplete: message.isComplete, now });
        if (!message.isComplete) this.#options.log.info(`${message.reason}: waiting for it to go on`);
        break;
      case 'refusal':
        this.#feed({ type: 'turned-away', term, reason: message.reason, now });
        break;
    }
  }

  async #perform(effect: SessionEffect): Promise<void> {
    switch (effect.type) {
      case 'join':
        return this.#join();
      case 'prepare':
        return this.#guard(async () => {
          await this.#preparation.prepare(this.#subjects);
          this.#feed({ type: 'prepared', term: effect.term, now: performance.now() });
        });
      case 'announce':
        return this.#send(this.#preparation.announcement(effect));
      case 'send':
        return this.#send(effect.message);
      case 'compute':
        return this.#guard(() => this.#compute(effect));
      case 'hand-over':
        return this.#handOver.abort();
      case 'forget':
        return this.#preparation.member?.forget(effect.version, effect.node);
      case 'forget-before':
        return this.#preparation.member?.forgetBefore(effect.version);
      case 'exit':
        if (effect.cause === 'over' || effect.cause === 'requested') {
          this.#end.resolve({ cause: effect.cause, reason: effect.reason });
        } else {
          await flushGoodbye(this.#connection);
          // A new process may do better where a computation hung, and later where there was nobody to work for.
          const mayDoBetter = effect.cause === 'hung' || effect.cause === 'alone';
          const exitCode = mayDoBetter ? exitCodes.unavailable : exitCodes.usage;
          this.#end.reject(new UserError(effect.reason, exitCode));
        }
    }
  }

  /** What is not the session's to say. */
  #sayBeside(answer: Unsent<Extract<UpMessage, { type: 'segmented' }>>): void {
    const { term } = this.#session;
    this.#send({ ...answer, term, sequence: nextSequence(this.#session) });
  }

  #send(message: UpMessage): void {
    const bytes = encode(this.#withTelemetry(message));
    assertFits(this.#connection, bytes);
    this.#connection.publish(this.#subjects.up(this.#options.workerId), bytes);
  }

  #withTelemetry(message: UpMessage): UpMessage {
    if (message.type !== 'heartbeat') return message;
    const telemetry = this.#telemetry.now(this.#preparation.usesGpu, performance.now());
    this.#tell({ type: 'telemetry', telemetry });
    return { ...message, telemetry };
  }

  /**
   * What a person can mend ends the worker with that sentence, told to the coordinator as well; a fault that may pass,
   * such as a broker that goes while a connection to it is made, with its own exit code.
   */
  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof UserError) || error.exitCode === exitCodes.unavailable) throw error;
      this.#feed({ type: 'failed', message: error.message, now: performance.now() });
    }
  }

  async #join(): Promise<void> {
    if (this.#isJoining) return;
    this.#isJoining = true;
    const { workerId, name, softwareVersion } = this.#options;
    try {
      const request = encode({ name, protocolVersion, softwareVersion });
      const answer = await this.#connection.request(this.#subjects.join(workerId), request, {
        timeout: 2_000,
      });
      const reply = decode(joinReply, answer.data);
      if (reply?.type === 'welcome') this.#welcome(reply);
      else if (reply) this.#feed({ type: 'refused', reason: reply.reason, now: performance.now() });
    } catch (error) {
      // Nobody answers yet, or the broker is away: the session asks again.
      this.#options.log.debug(`no welcome yet: ${(error as Error).message}`);
    } finally {
      this.#isJoining = false;
    }
  }

  #welcome(welcome: Welcome): void {
    // Of a coordinator that has been replaced: the preparation that goes on must not take it for the newest.
    if (welcome.term < this.#session.term) return;
    this.#preparation.welcome = welcome;
    this.#feed({ type: 'welcomed', term: welcome.term, now: performance.now() });
  }

  async #compute({ lease, node }: Extract<SessionEffect, { type: 'compute' }>): Promise<void> {
    const member = this.#preparation.member;
    const abandoned = () => this.#feed({ type: 'abandoned', leaseId: lease.leaseId, now: performance.now() });
    if (!member) return abandoned();
    const isCurrent = () => this.#session.lease?.leaseId === lease.leaseId;
    try {
      const results = await member.compute(lease, node, isCurrent, this.#handOver.signal);
      this.#feed({ type: 'computed', leaseId: lease.leaseId, results, now: performance.now() });
      for (const { kind, leaves, timings } of results) {
        this.#tell({ type: 'computed', kind, numLeaves: leaves.length, timings });
      }
    } catch (error) {
      if (!(error instanceof Overtaken) && !(error instanceof FetchError)) throw error;
      this.#options.log.info(
        `lease ${lease.leaseId} of step ${stepOn(lease.version)} left: ${error.message || 'overtaken'}`,
      );
      this.#tell({ type: 'abandoned' });
      if (error instanceof FetchError) await sleep(tickMs);
      abandoned();
    }
  }
}
