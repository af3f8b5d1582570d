/**
 * The shell around a worker's session: it feeds in what happens, with the time, and does what comes out through its ports;
 * every decision is the session's. Effects of one event are done in order, and none waits for another.
 */
import { exitCodes, stepOn, UserError } from '@unet-fleet/law';
import { type Clock, pause, realClock } from '@unet-fleet/shared';
import {
  type DownMessage,
  FetchError,
  type UpMessage,
  type Welcome,
  type WorkerActivity,
} from '@unet-fleet/wire';
import { hears } from '../session/conversation.ts';
import { handleSession, initialSession } from '../session/session.ts';
import type { SessionConfig, SessionEffect, SessionEvent, SessionState } from '../session/types.ts';
import { type Member, Overtaken } from './member.ts';

export interface WorkerOutcome {
  cause: 'over' | 'requested';
  reason: string;
}

export interface WorkerLog {
  info(message: string): void;
  debug(message: string): void;
}

/** From a welcome to a member. */
export interface Preparing {
  /** The newest. */
  welcome: Welcome | null;
  /** Of the coordinator whose preparation ended last; null while another goes on. */
  readonly member: Member | null;
  /** Makes the member of the run that the welcome describes. Throws a UserError when data or engine can't be had. */
  prepare(): Promise<void>;
  announcement(effect: { term: number; sequence: number }): UpMessage;
}

/** What the shell acts through. */
export interface WorkerPorts {
  preparation: Preparing;
  /** Asks whether it may join; null when nobody has answered. */
  join(): Promise<Welcome | { type: 'refusal'; reason: string } | null>;
  send(message: UpMessage): void;
  /** A photo to segment, which is none of the session's business. */
  segment(message: Extract<DownMessage, { type: 'segment' }>): void;
  tell(activity: WorkerActivity): void;
  log: WorkerLog;
}

/** What decides. */
export interface WorkerRules {
  /** What of an event comes. What is between two effects is between the two being done. */
  decide(state: SessionState, event: SessionEvent): Iterable<SessionEffect>;
  /** Whether a message of a coordinator counts. */
  hears(state: SessionState, message: DownMessage): boolean;
}

type WithoutTime<T> = T extends { now: number } ? Omit<T, 'now'> : never;

const tickMs = 250;

export class WorkerShell {
  readonly session: SessionState;
  /** Rejects with a UserError when the run refuses this worker, or its data or engine fail. */
  readonly ended: Promise<WorkerOutcome>;
  readonly #ports: WorkerPorts;
  readonly #clock: Clock;
  readonly #rules: WorkerRules;
  /** Whose computation goes on. */
  #computing: Member | null = null;
  #end!: { resolve(outcome: WorkerOutcome): void; reject(error: Error): void };
  #endTicks = () => {};
  #isJoining = false;
  #isJoined = false;

  /** `rules`: the session's, but where they are looked at or broken on purpose. */
  constructor(
    config: SessionConfig,
    ports: WorkerPorts,
    clock: Clock = realClock,
    rules: WorkerRules = { decide: handleSession, hears },
  ) {
    this.#ports = ports;
    this.#clock = clock;
    this.#rules = rules;
    this.session = initialSession(config, clock.now());
    this.ended = new Promise((resolve, reject) => {
      this.#end = { resolve, reject };
    });
  }

  start(): void {
    this.#endTicks = this.#clock.every(tickMs, () => this.feed({ type: 'tick' }));
    this.feed({ type: 'tick' });
  }

  stop(): void {
    this.#endTicks();
  }

  /** It can't go on, for a reason that is not the session's. */
  fail(error: UserError): void {
    this.#end.reject(error);
  }

  feed(event: WithoutTime<SessionEvent>): void {
    const timed = { ...event, now: this.#clock.now() } as SessionEvent;
    for (const effect of this.#rules.decide(this.session, timed)) {
      this.#carryOut(effect);
    }
    const { phase } = this.session;
    const isJoined = phase === 'member' || phase === 'draining';
    if (isJoined === this.#isJoined) return;
    this.#isJoined = isJoined;
    this.#ports.tell({ type: 'membership', isJoined });
  }

  receive(message: DownMessage): void {
    if (!this.#rules.hears(this.session, message)) return;
    const { preparation } = this.#ports;
    const { term } = message;
    switch (message.type) {
      case 'lease': {
        const { leaseId, kind, version, nodes, firstPass, followed } = message;
        if (followed && preparation.member) preparation.member.followed = followed;
        this.feed({ type: 'lease', term, lease: { leaseId, kind, version, nodes, firstPass } });
        break;
      }
      case 'segment':
        if (term === this.session.term) this.#ports.segment(message);
        break;
      case 'pulse':
        this.feed({ type: 'pulse', term, kind: message.kind, version: message.version });
        break;
      case 'dismissed':
        this.feed({ type: 'dismissed', term, heard: message.heard });
        break;
      case 'drain':
      case 'released':
        this.feed({ type: message.type, term });
        break;
      case 'settled': {
        const { kind, version, node } = message;
        this.feed({ type: 'settled', term, kind, version, node });
        break;
      }
      case 'over':
        this.feed({ type: 'over', term, reason: message.reason, isComplete: message.isComplete });
        if (!message.isComplete) this.#ports.log.info(`${message.reason}: waiting for it to go on`);
        break;
      case 'refusal':
        this.feed({ type: 'turned-away', term, reason: message.reason });
        break;
    }
  }

  /** What fails, now or later, ends it. */
  #carryOut(effect: SessionEffect): void {
    try {
      this.#perform(effect)?.catch((error: Error) => this.#end.reject(error));
    } catch (error) {
      this.#end.reject(error as Error);
    }
  }

  #perform(effect: SessionEffect): Promise<void> | void {
    const { preparation, send } = this.#ports;
    switch (effect.type) {
      case 'join':
        return this.#join();
      case 'prepare':
        return this.#guard(async () => {
          await preparation.prepare();
          this.feed({ type: 'prepared', term: effect.term });
        });
      case 'announce':
        return send(preparation.announcement(effect));
      case 'send':
        return send(effect.message);
      case 'compute':
        return this.#guard(() => this.#compute(effect));
      case 'hand-over':
        return this.#computing?.handOver();
      case 'forget':
        return preparation.member?.forget(effect.version, effect.node);
      case 'forget-before':
        return preparation.member?.forgetBefore(effect.version);
      case 'exit':
        return this.#exit(effect);
    }
  }

  #exit({ cause, reason }: Extract<SessionEffect, { type: 'exit' }>): void {
    if (cause === 'over' || cause === 'requested') {
      this.#end.resolve({ cause, reason });
      return;
    }
    // A new process may do better where a computation hung, and later where there was nobody to work for.
    const mayDoBetter = cause === 'hung' || cause === 'alone';
    this.#end.reject(new UserError(reason, mayDoBetter ? exitCodes.unavailable : exitCodes.usage));
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
      this.feed({ type: 'failed', message: error.message });
    }
  }

  async #join(): Promise<void> {
    if (this.#isJoining) return;
    this.#isJoining = true;
    const reply = await this.#ports.join();
    this.#isJoining = false;
    if (reply?.type === 'welcome') this.#welcome(reply);
    else if (reply) this.feed({ type: 'refused', reason: reply.reason });
  }

  #welcome(welcome: Welcome): void {
    // Of a coordinator that has been replaced: the preparation that goes on must not take it for the newest.
    if (welcome.term < this.session.term) return;
    this.#ports.preparation.welcome = welcome;
    this.feed({ type: 'welcomed', term: welcome.term });
  }

  async #compute({ lease, node }: Extract<SessionEffect, { type: 'compute' }>): Promise<void> {
    const { log, preparation, tell } = this.#ports;
    const { leaseId } = lease;
    const abandoned = () => this.feed({ type: 'abandoned', leaseId });
    const { member } = preparation;
    if (!member) return abandoned();
    const isCurrent = () => this.session.lease?.leaseId === leaseId;
    this.#computing = member;
    try {
      const results = await member.compute(lease, node, isCurrent);
      this.feed({ type: 'computed', leaseId, results });
      for (const { kind, leaves, timings } of results) {
        tell({ type: 'computed', kind, numLeaves: leaves.length, timings });
      }
    } catch (error) {
      if (!(error instanceof Overtaken) && !(error instanceof FetchError)) throw error;
      log.info(`lease ${leaseId} of step ${stepOn(lease.version)} left: ${error.message || 'overtaken'}`);
      tell({ type: 'abandoned' });
      if (error instanceof FetchError) await pause(this.#clock, tickMs);
      abandoned();
    }
  }
}
