/**
 * The coordinator's end of the control plane: turns messages on the broker into calls, and drops what is malformed or
 * of another term, counted by reason. It decides nothing.
 */

import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { UserError } from '@unet-fleet/law';
import {
  anyPeer,
  assertFits,
  type DownMessage,
  type discoverReply,
  discoverSubject,
  inboxOf,
  type joinReply,
  type Link,
  PeerFaults,
  type Subjects,
  senderOf,
  type Unsent,
  type UpMessage,
  type Welcome,
  watchLink,
} from '@unet-fleet/wire';
import { decode, encode, joinRequest, upMessage } from '@unet-fleet/wire/protocol/messages';
import type { z } from 'zod';

export interface ControlHandlers {
  /** What a joining worker gets to know, or a sentence why it may not join. */
  welcome(request: z.infer<typeof joinRequest>): Welcome | string;
  /** Whether a message counts, by its number and its sender; asked once of each. */
  hears(workerId: string, message: UpMessage): boolean;
  message(workerId: string, message: UpMessage): void;
  numWorkers(): number;
  /** The broker takes no message of that size: the run can't go on over it. */
  tooLarge(error: UserError): void;
  /** A message of a worker is not used. */
  rejected(workerId: string, reason: string): void;
  /** A worker has sent rubbish once too often: nothing of it is heard any more. */
  cutOff(workerId: string, reason: string): void;
}

export class ControlPlane {
  readonly #connection: NatsConnection;
  readonly #subjects: Subjects;
  readonly #term: number;
  readonly #subscriptions: Subscription[] = [];
  /** Messages that were not used, by reason. */
  readonly dropped = { malformed: 0, otherTerm: 0, late: 0, cutOff: 0, brokerAway: 0 };
  readonly #faults = new PeerFaults();
  readonly #link: Link;
  readonly #runId: string;
  /** Null until it listens. */
  #handlers: ControlHandlers | null = null;
  /** What whoever still speaks is answered; null while the run goes on. */
  #farewell: Farewell | null = null;
  /** Messages said so far, each of which has its number. */
  #numSaid = 0;

  constructor(connection: NatsConnection, subjects: Subjects, runId: string, term: number) {
    this.#connection = connection;
    this.#subjects = subjects;
    this.#runId = runId;
    this.#term = term;
    this.#link = watchLink(connection);
  }

  /** From now on workers are heard. */
  listen(handlers: ControlHandlers): void {
    this.#handlers = handlers;
    const subjects = this.#subjects;
    this.#answer(discoverSubject(anyPeer), () => {
      const reply: z.infer<typeof discoverReply> = {
        runId: this.#runId,
        numWorkers: handlers.numWorkers(),
      };
      return reply;
    });
    this.#answer(subjects.join(anyPeer), (data, workerId) => {
      if (this.#isOver(workerId)) return null;
      const request = decode(joinRequest, data);
      if (!request) {
        this.fault(workerId, malformed);
        return null;
      }
      const answer = handlers.welcome(request);
      const reply: z.infer<typeof joinReply> =
        typeof answer === 'string' ? { type: 'refusal', reason: answer } : answer;
      return reply;
    });
    this.#subscriptions.push(
      this.#connection.subscribe(subjects.up(anyPeer), {
        callback: (error, raw) => {
          if (error) return;
          const workerId = this.#senderOf(raw.subject);
          if (workerId === null || this.#isOver(workerId)) return;
          const message = decode(upMessage, raw.data);
          if (!message) this.fault(workerId, malformed);
          else if (message.term !== this.#term) {
            this.dropped.otherTerm++;
            handlers.rejected(workerId, 'it is meant for another start of the coordinator');
          } else if (!handlers.hears(workerId, message)) {
            this.dropped.late++;
            handlers.rejected(workerId, 'it came late or twice, or its sender has gone');
          } else handlers.message(workerId, message);
        },
      }),
    );
  }

  /** Counts something of a worker that is none; the one too many cuts it off. */
  fault(workerId: string, what: string): void {
    this.dropped.malformed++;
    this.#handlers?.rejected(workerId, what);
    const reason = this.#faults.count(workerId, what, performance.now());
    // Before it listens nobody is a member: whoever is cut off then is only not heard.
    if (reason !== null) this.#handlers?.cutOff(workerId, reason);
  }

  /** To one worker. */
  send(workerId: string, message: Unsent<DownMessage>): void {
    this.#publish(this.#subjects.down(workerId), message);
  }

  /** To all workers. */
  broadcast(message: Unsent<DownMessage>): void {
    this.#publish(this.#subjects.all, message);
  }

  /** What is published while the broker is away is lost either way: it is not even kept until then. */
  #publish(subject: string, message: Unsent<DownMessage>): void {
    const sequence = ++this.#numSaid;
    if (this.#link.isUp) this.#say(subject, { ...message, term: this.#term, sequence });
    else this.dropped.brokerAway++;
  }

  #say(subject: string, message: unknown): void {
    const bytes = encode(message);
    try {
      assertFits(this.#connection, bytes);
    } catch (error) {
      if (!this.#handlers) throw error;
      this.#handlers.tooLarge(error as UserError);
      return;
    }
    this.#connection.publish(subject, bytes);
  }

  /**
   * Tells all that this start of the run is over. Nothing of a worker is heard from then on: whoever joins just now or
   * has missed the word is told it again, instead of waiting for a coordinator that will not be there.
   */
  end(farewell: Omit<Farewell, 'type'>): void {
    this.#farewell = { type: 'over', ...farewell };
    this.broadcast(this.#farewell);
  }

  #isOver(workerId: string): boolean {
    if (this.#farewell) this.send(workerId, this.#farewell);
    return this.#farewell !== null;
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  /** Whom the subject vouches for; null for nobody, and for one that is not heard any more. */
  #senderOf(subject: string): string | null {
    const sender = senderOf(subject);
    if (sender === null) this.dropped.malformed++;
    if (sender === null || !this.#faults.isCutOff(sender)) return sender;
    this.dropped.cutOff++;
    this.#handlers?.rejected(sender, 'it is cut off');
    return null;
  }

  /** Answers go to the sender's own subjects alone: whoever asks can't choose where the coordinator speaks. */
  #answer(subject: string, answer: (data: Uint8Array, sender: string) => unknown): void {
    const callback = (error: Error | null, { subject: asked, reply: to, data }: Msg) => {
      if (error) return;
      const sender = this.#senderOf(asked);
      if (sender === null) return;
      if (!to?.startsWith(`${inboxOf(sender)}.`)) {
        this.fault(sender, 'a request to be answered elsewhere');
        return;
      }
      const reply = answer(data, sender);
      if (reply) this.#say(to, reply);
    };
    this.#subscriptions.push(this.#connection.subscribe(subject, { callback }));
  }
}

type Farewell = Unsent<Extract<DownMessage, { type: 'over' }>>;

const malformed = 'a message that is none';
