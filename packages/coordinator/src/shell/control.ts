/**
 * The coordinator's end of the control plane: turns messages on the broker into calls, and drops what is malformed or
 * of another term, counted by reason. It decides nothing.
 */

import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import {
  anyPeer,
  type DownMessage,
  decode,
  type discoverReply,
  discoverSubject,
  encode,
  inboxOf,
  type joinReply,
  joinRequest,
  protocolVersion,
  type Subjects,
  senderOf,
  type UpMessage,
  upMessage,
  type Welcome,
} from '@unet-fleet/shared';
import type { z } from 'zod';

export interface ControlHandlers {
  /** What a joining worker gets to know, or a sentence why it may not join. */
  welcome(request: z.infer<typeof joinRequest>): Welcome | string;
  message(workerId: string, message: UpMessage): void;
  numWorkers(): number;
}

export class ControlPlane {
  readonly #connection: NatsConnection;
  readonly #subjects: Subjects;
  readonly #term: number;
  readonly #subscriptions: Subscription[] = [];
  /** Messages that were not used, by reason. */
  readonly dropped = { malformed: 0, otherTerm: 0 };

  constructor(
    connection: NatsConnection,
    subjects: Subjects,
    runId: string,
    term: number,
    handlers: ControlHandlers,
  ) {
    this.#connection = connection;
    this.#subjects = subjects;
    this.#term = term;
    this.#answer(discoverSubject(anyPeer), () => {
      const reply: z.infer<typeof discoverReply> = { runId, numWorkers: handlers.numWorkers() };
      return reply;
    });
    this.#answer(subjects.join(anyPeer), (data) => {
      const request = decode(joinRequest, data);
      if (!request) {
        this.dropped.malformed++;
        return null;
      }
      const answer = welcomeOrRefuse(request, handlers);
      const reply: z.infer<typeof joinReply> =
        typeof answer === 'string' ? { type: 'refusal', reason: answer } : answer;
      return reply;
    });
    this.#subscriptions.push(
      connection.subscribe(subjects.up(anyPeer), {
        callback: (error, raw) => {
          if (error) return;
          const workerId = senderOf(raw.subject);
          const message = workerId === null ? null : decode(upMessage, raw.data);
          if (workerId === null || !message) this.dropped.malformed++;
          else if (message.term !== term) this.dropped.otherTerm++;
          else handlers.message(workerId, message);
        },
      }),
    );
  }

  /** To one worker. */
  send(workerId: string, message: WithoutTerm<DownMessage>): void {
    this.#connection.publish(this.#subjects.down(workerId), encode({ ...message, term: this.#term }));
  }

  /** To all workers. */
  broadcast(message: WithoutTerm<DownMessage>): void {
    this.#connection.publish(this.#subjects.all, encode({ ...message, term: this.#term }));
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  /** Answers go to the sender's own subjects alone: whoever asks can't choose where the coordinator speaks. */
  #answer(subject: string, answer: (data: Uint8Array) => unknown): void {
    const callback = (error: Error | null, { subject: asked, reply: to, data }: Msg) => {
      if (error) return;
      const sender = senderOf(asked);
      if (sender === null || !to?.startsWith(`${inboxOf(sender)}.`)) {
        this.dropped.malformed++;
        return;
      }
      const reply = answer(data);
      if (reply) this.#connection.publish(to, encode(reply));
    };
    this.#subscriptions.push(this.#connection.subscribe(subject, { callback }));
  }
}

/** Distributes over the union, as Omit does not. */
type WithoutTerm<T> = T extends { term: number } ? Omit<T, 'term'> : never;

function welcomeOrRefuse(request: z.infer<typeof joinRequest>, handlers: ControlHandlers): Welcome | string {
  if (request.protocolVersion !== protocolVersion) {
    return (
      `worker ${request.name} speaks protocol ${request.protocolVersion} (unet-fleet ${request.softwareVersion}) but ` +
      `the coordinator speaks ${protocolVersion}: install the same version of unet-fleet on both`
    );
  }
  return handlers.welcome(request);
}
