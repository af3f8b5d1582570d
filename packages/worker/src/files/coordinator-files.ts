/**
 * Files by their hash from the coordinator, part by part over the broker, on a connection of its own. A part in flight
 * is the credit that is given to the coordinator, so what comes is bounded; what does not come is asked for again, of
 * the coordinator that there is by then.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { UserError } from '@unet-fleet/law';
import { FetchError, type FileReply, type Subjects, watchLink } from '@unet-fleet/wire';
import {
  filePartBytes,
  fileReply,
  filesPeer,
  leastFilePartBytes,
} from '@unet-fleet/wire/protocol/file-messages';
import { decode, encode } from '@unet-fleet/wire/protocol/messages';

export interface CoordinatorFilesOptions {
  connection: NatsConnection;
  subjects: Subjects;
  workerId: string;
  /** How long an answer may take, and the pause before the next try, in ms. */
  answerMs?: number;
  pauseMs?: number;
}

/** Parts that are asked for at a time: 4 MiB are on their way at most. */
const maxInFlight = 8;
const maxAttempts = 4;
/** A coordinator that says a file is larger than any that is read is not believed. */
const maxFileBytes = 2 ** 30;

export class CoordinatorFiles {
  readonly where = 'the coordinator';
  readonly #options: CoordinatorFilesOptions;
  #term = 0;
  #numInFlight = 0;
  readonly #waiting: (() => void)[] = [];
  /** Rejects what is asked for when the connection is lost: an answer to it will not come. */
  #lost = new AbortController();

  constructor(options: CoordinatorFilesOptions) {
    this.#options = options;
    watchLink(options.connection, {
      onLost: () => {
        this.#lost.abort();
        this.#lost = new AbortController();
      },
    });
  }

  /** From now on the coordinator of this term is asked. */
  follow(term: number): void {
    this.#term = term;
  }

  has(): boolean {
    return true;
  }

  /** Rejects with a FetchError when nobody answers, and with a UserError when the coordinator does not have it. */
  async fetch(sha256: string): Promise<Uint8Array> {
    const first = await this.#part(sha256, 0);
    const { totalBytes } = first;
    if (totalBytes > maxFileBytes) {
      throw new UserError(
        `the coordinator says that a file has ${totalBytes} bytes, which is more than is read`,
      );
    }
    if (totalBytes <= first.bytes.byteLength) return first.bytes.slice(0, totalBytes);
    // How large its parts are, the first one shows.
    const partBytes = first.bytes.byteLength;
    if (partBytes < leastFilePartBytes || partBytes > filePartBytes) {
      throw new UserError(`the coordinator sends parts of ${partBytes} bytes, which no broker asks for`);
    }
    const whole = new Uint8Array(totalBytes);
    whole.set(first.bytes);
    const offsets: number[] = [];
    for (let offset = partBytes; offset < totalBytes; offset += partBytes) offsets.push(offset);
    await Promise.all(
      offsets.map(async (offset) => {
        const { bytes } = await this.#part(sha256, offset);
        whole.set(bytes.subarray(0, Math.min(partBytes, totalBytes - offset)), offset);
      }),
    );
    return whole;
  }

  async #part(sha256: string, offsetBytes: number): Promise<Extract<FileReply, { type: 'part' }>> {
    while (this.#numInFlight >= maxInFlight) {
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
    this.#numInFlight++;
    try {
      return await this.#ask(encode({ sha256, offsetBytes }), sha256);
    } finally {
      this.#numInFlight--;
      this.#waiting.shift()?.();
    }
  }

  async #ask(request: Uint8Array, sha256: string): Promise<Extract<FileReply, { type: 'part' }>> {
    const { connection, subjects, workerId, answerMs = 20_000, pauseMs = 500 } = this.#options;
    let why = '';
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      if (attempt > 0) await sleep(pauseMs);
      if (connection.isClosed()) throw new FetchError('closed', 'the connection for files is closed');
      const subject = subjects.fetch(filesPeer(this.#term), workerId);
      try {
        const answer = connection.request(subject, request, { timeout: answerMs });
        const { data } = await unlessAborted(answer, this.#lost.signal);
        const reply = decode(fileReply, data);
        if (reply?.type === 'part') return reply;
        if (reply?.type === 'unreadable') throw new UserError(reply.reason);
        if (reply?.type === 'unknown') throw new UnknownFile(sha256);
        why = 'it sent something else';
      } catch (error) {
        if (error instanceof UserError) throw error;
        why = (error as Error).message;
      }
    }
    throw new FetchError('timeout', `the coordinator does not hand over a file (${why})`);
  }
}

class UnknownFile extends UserError {
  constructor(sha256: string) {
    super(`the coordinator has no file with the hash ${sha256.slice(0, 12)}: its run has other data`);
  }
}

/** The signal outlives the work by far: what waits for it is taken back. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new Error('the connection to the broker was lost'));
    signal.addEventListener('abort', end, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}
