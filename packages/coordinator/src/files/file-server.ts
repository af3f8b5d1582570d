/**
 * Serves the files of the run's data to workers that have none, by content hash. It reads a part at a time, takes turns
 * between workers, and is never more than a window ahead of what the broker has taken: a worker that asks for all at
 * once costs no memory, and what is beyond the bounds is dropped, to be asked for again.
 */
import { open } from 'node:fs/promises';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import {
  anyPeer,
  type FileReply,
  inboxOf,
  pieceBytesOf,
  type Subjects,
  senderOf,
  Turns,
  watchLink,
} from '@unet-fleet/wire';
import { fileRequest } from '@unet-fleet/wire/protocol/file-messages';
import { decode, encode } from '@unet-fleet/wire/protocol/messages';

/** Of the run's files by their hash: where each lies, or what is in it. */
export type FileContents = ReadonlyMap<string, string | Uint8Array>;

export interface FileServerOptions {
  connection: NatsConnection;
  subjects: Subjects;
  /** Name of the server as a peer. */
  peer: string;
  contents: FileContents;
  /** A worker has sent something that is no request. */
  onFault(workerId: string, what: string): void;
}

/** Parts that are read, or sent and maybe not yet taken by the broker. */
const maxUnderWay = 16;

interface Waiting {
  sha256: string;
  offsetBytes: number;
  replyTo: string;
}

export class FileServer {
  readonly #options: FileServerOptions;
  readonly #subscription: Subscription;
  readonly #waiting = new Turns<Waiting>();
  #numUnderWay = 0;
  #isClosed = false;

  constructor(options: FileServerOptions) {
    this.#options = options;
    const { connection, subjects, peer } = options;
    this.#subscription = connection.subscribe(subjects.fetch(peer, anyPeer), {
      callback: (error, message) => {
        if (!error) this.#receive(message);
      },
    });
    // Whoever waited asks anew when the broker is back.
    watchLink(connection, { onLost: () => this.#waiting.clear() });
  }

  close(): void {
    this.#isClosed = true;
    this.#subscription.unsubscribe();
    this.#waiting.clear();
  }

  #receive({ subject, data, reply }: Msg): void {
    const sender = senderOf(subject);
    if (sender === null) return;
    const request = decode(fileRequest, data);
    // Whoever asks can't choose where the coordinator speaks: an answer goes to the sender's own subjects.
    if (!request || !reply?.startsWith(`${inboxOf(sender)}.`)) {
      this.#options.onFault(sender, 'a request for a file that is none');
      return;
    }
    this.#waiting.add(sender, { ...request, replyTo: reply });
    this.#serve();
  }

  #serve(): void {
    while (this.#numUnderWay < maxUnderWay && !this.#isClosed) {
      const next = this.#waiting.next();
      if (!next) return;
      this.#numUnderWay++;
      void this.#answer(next).finally(() => {
        this.#numUnderWay--;
        this.#serve();
      });
    }
  }

  async #answer({ sha256, offsetBytes, replyTo }: Waiting): Promise<void> {
    const reply = await this.#part(sha256, offsetBytes);
    if (this.#isClosed) return;
    const { connection } = this.#options;
    try {
      connection.publish(replyTo, encode(reply));
      await connection.flush();
    } catch {
      // The connection broke: whoever waits asks anew.
    }
  }

  async #part(sha256: string, offsetBytes: number): Promise<FileReply> {
    const { contents, connection } = this.#options;
    const partBytes = pieceBytesOf(connection);
    const content = contents.get(sha256);
    if (content === undefined) return { type: 'unknown' };
    if (typeof content !== 'string') {
      const bytes = content.subarray(offsetBytes, offsetBytes + partBytes);
      return { type: 'part', totalBytes: content.byteLength, bytes };
    }
    try {
      return await readPart(content, offsetBytes, partBytes);
    } catch (error) {
      return {
        type: 'unreadable',
        reason: `the coordinator cannot read ${content} (${(error as Error).message})`,
      };
    }
  }
}

async function readPart(path: string, offsetBytes: number, partBytes: number): Promise<FileReply> {
  const file = await open(path, 'r');
  try {
    const { size: totalBytes } = await file.stat();
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(partBytes, totalBytes - offsetBytes)));
    const { bytesRead } = await file.read(bytes, 0, bytes.byteLength, offsetBytes);
    return { type: 'part', totalBytes, bytes: bytes.subarray(0, bytesRead) };
  } finally {
    await file.close();
  }
}
