/**
 * Messages between two processes over a broker that may lose them: each arrives whole, in order and once, or the other end
 * is silent. What is too large for the broker goes in pieces. A piece is kept until the other end has it, and all that are
 * kept are sent again when the broker is back or nothing has been acknowledged for a while; what comes twice or out of
 * order is not taken. What it keeps true beside that: both are heard of every second while they live.
 */
import type { Clock } from '@unet-fleet/shared';
import type { Packet } from '../protocol/reducer-messages.ts';
import type { Link } from './link.ts';

export interface DialoguePorts {
  /** While the broker is away what is said would be lost. */
  readonly link: Link;
  send(packet: Packet): void;
}

export interface DialogueOptions {
  term: number;
  /** Of a packet's bytes, at most. */
  pieceBytes: number;
  clock: Clock;
  /** Told of each whole message. */
  receive(message: Uint8Array): void;
}

/** Of one message; more is no message of ours. */
export const maxDialogueMessageBytes = 64 * 1024 * 1024;
/** Bytes that the other end has not acknowledged. */
const maxKeptBytes = 4 * maxDialogueMessageBytes;
export const dialogueTickMs = 1_000;
/** Time for an acknowledgement, after which all is said again. */
const resendMs = 3_000;

export class Dialogue {
  readonly #ports: DialoguePorts;
  readonly #options: DialogueOptions;
  /** Said and not acknowledged, in order. */
  readonly #kept: Omit<Packet, 'acknowledged'>[] = [];
  #keptBytes = 0;
  #numSaid = 0;
  #numHeard = 0;
  /** Of a message whose last piece has not come. */
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  /** When the other end acknowledged something last, or had nothing to. */
  #progressMs: number;
  /** When the other end was heard last; the beginning where it never was. */
  heardMs: number;
  hasHeard = false;
  readonly #endTicks: () => void;

  constructor(ports: DialoguePorts, options: DialogueOptions) {
    this.#ports = ports;
    this.#options = options;
    const { clock } = options;
    this.#progressMs = clock.now();
    this.heardMs = this.#progressMs;
    this.#endTicks = clock.every(dialogueTickMs, () => this.#tick());
  }

  send(message: Uint8Array): void {
    if (message.byteLength > maxDialogueMessageBytes || this.#keptBytes > maxKeptBytes) {
      throw new Error(`a message of ${message.byteLength} bytes, with ${this.#keptBytes} that wait`);
    }
    if (this.#kept.length === 0) this.#progressMs = this.#options.clock.now();
    const { pieceBytes, term } = this.#options;
    let offset = 0;
    do {
      const bytes = message.subarray(offset, offset + pieceBytes);
      offset += pieceBytes;
      const isLast = offset >= message.byteLength;
      const piece = { type: 'packet', term, number: ++this.#numSaid, isLast, bytes } as const;
      this.#kept.push(piece);
      this.#keptBytes += bytes.byteLength;
      this.#say(piece);
    } while (offset < message.byteLength);
  }

  /** Of the other end; what it said in another term is not heard. */
  take({ term, number, acknowledged, isLast, bytes }: Packet): void {
    if (term !== this.#options.term) return;
    this.heardMs = this.#options.clock.now();
    this.hasHeard = true;
    this.#acknowledged(acknowledged);
    if (number === 0) return;
    if (number !== this.#numHeard + 1) {
      // Said twice, or after one that was lost: either way the other end has to know how far it is heard.
      this.#greet();
      return;
    }
    this.#numHeard = number;
    this.#piecesBytes += bytes.byteLength;
    if (this.#piecesBytes > maxDialogueMessageBytes) throw new Error('a message that has no end');
    // A copy: the packet lies in memory of the connection.
    this.#pieces.push(Uint8Array.from(bytes));
    this.#greet();
    if (!isLast) return;
    const message = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#piecesBytes = 0;
    this.#options.receive(message);
  }

  /** The broker is back: what was said meanwhile is said again. */
  reconnected(): void {
    // The other end was as silent for the time that it could not be heard.
    this.heardMs = this.#options.clock.now();
    this.#sayAllAgain();
    this.#greet();
  }

  close(): void {
    this.#endTicks();
    this.#kept.length = 0;
    this.#keptBytes = 0;
  }

  #acknowledged(number: number): void {
    while (this.#kept.length > 0 && this.#kept[0]!.number <= number) {
      this.#keptBytes -= this.#kept.shift()!.bytes.byteLength;
      this.#progressMs = this.#options.clock.now();
    }
  }

  #tick(): void {
    if (this.#kept.length > 0 && this.#options.clock.now() - this.#progressMs >= resendMs)
      this.#sayAllAgain();
    this.#greet();
  }

  #sayAllAgain(): void {
    this.#progressMs = this.#options.clock.now();
    for (const piece of this.#kept) this.#say(piece);
  }

  /** That this end is here, and how far it has heard the other. */
  #greet(): void {
    const { term } = this.#options;
    this.#say({ type: 'packet', term, number: 0, isLast: true, bytes: new Uint8Array() });
  }

  #say(piece: Omit<Packet, 'acknowledged'>): void {
    if (this.#ports.link.isUp) this.#ports.send({ ...piece, acknowledged: this.#numHeard });
  }
}
