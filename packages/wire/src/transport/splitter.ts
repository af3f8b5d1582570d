/**
 * Takes the stream of bytes that a NATS server sends apart, as far as bulk needs it: payloads of bulk messages go straight
 * to who takes them, from the very memory that the socket was read into, and all else goes on to the client as it came.
 * What it keeps true: the client sees whole messages in their order, and never one that was taken.
 */

/** Takes the payload of one message. */
export interface PayloadTaker {
  /** The next bytes of it; they are the socket's memory, and change when this has returned. */
  take(bytes: Uint8Array): void;
  /** All of it has been taken. */
  end(): void;
}

export interface SplitterPorts {
  /** Who takes the payload of a message on this subject; null for the client. */
  takerOf(subject: string, numBytes: number): PayloadTaker | null;
  /** What the client is to see; the memory changes when this has returned. */
  rest(bytes: Uint8Array): void;
}

const newline = 10;
const numEndBytes = 2; // \r\n after a payload
/** Of a line of the protocol: longer ones are the client's to complain of. */
const maxLineBytes = 64 * 1024;

export class Splitter {
  readonly #ports: SplitterPorts;
  /** A line whose end has not come yet. */
  #line: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  /** Bytes of the message under way that are still to come, and who gets them. */
  #leftBytes = 0;
  #taker: PayloadTaker | null = null;
  /** Bytes behind a payload that was taken, which nobody sees. */
  #skipBytes = 0;

  constructor(ports: SplitterPorts) {
    this.#ports = ports;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#leftBytes > 0) at += this.#handOn(bytes.subarray(at, at + this.#leftBytes));
      else if (this.#skipBytes > 0) {
        const numSkipped = Math.min(this.#skipBytes, bytes.length - at);
        this.#skipBytes -= numSkipped;
        at += numSkipped;
      } else at += this.#readLine(bytes.subarray(at));
    }
  }

  /** Returns how many bytes that were. */
  #handOn(piece: Buffer): number {
    this.#leftBytes -= piece.length;
    if (!this.#taker) this.#ports.rest(piece);
    else {
      this.#taker.take(piece);
      this.#endIfWhole();
    }
    return piece.length;
  }

  #endIfWhole(): void {
    if (this.#leftBytes > 0) return;
    const taker = this.#taker;
    this.#taker = null;
    this.#skipBytes = numEndBytes;
    taker?.end();
  }

  /** Reads up to the end of a line, and returns how many bytes of `bytes` that were. */
  #readLine(bytes: Buffer): number {
    const end = bytes.indexOf(newline) + 1;
    const part = end > 0 ? bytes.subarray(0, end) : bytes;
    const line = this.#line.length > 0 ? Buffer.concat([this.#line, part]) : part;
    if (end === 0 && line.length <= maxLineBytes) {
      this.#line = Buffer.from(line);
      return part.length;
    }
    this.#line = Buffer.alloc(0);
    this.#begin(line);
    return part.length;
  }

  /** MSG subject sid [reply] numBytes, HMSG subject sid [reply] numHeaderBytes numBytes, or a line without a payload. */
  #begin(line: Buffer): void {
    const isMessage = line.indexOf('MSG ') === 0;
    if (!isMessage && line.indexOf('HMSG ') !== 0) {
      this.#ports.rest(line);
      return;
    }
    const words = line.toString('latin1').trimEnd().split(' ');
    const numBytes = Number(words.at(-1));
    // A message with headers is the server's own: that nobody is there.
    this.#taker = isMessage ? this.#ports.takerOf(words[1]!, numBytes) : null;
    if (this.#taker) {
      this.#leftBytes = numBytes;
      this.#endIfWhole();
    } else {
      this.#ports.rest(line);
      this.#leftBytes = numBytes + numEndBytes;
    }
  }
}
