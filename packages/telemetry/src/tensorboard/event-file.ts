/**
 * An event file that grows beside training. What it keeps true: a record is in it whole or not at all, in the order in
 * which they came; a disk that fails is told of once and costs what does not fit into memory until it is back.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '@unet-fleet/shared';
import { frameRecord } from './records.ts';

/** Some evaluations with their pictures, or a day of scalars. */
const maxWaitingBytes = 16 * 1024 * 1024;

export interface EventFileOptions {
  /** Told once, with the system's error. */
  onTrouble(error: Error): void;
}

export class EventFile {
  readonly #path: string;
  readonly #options: EventFileOptions;
  #file: FileHandle | null = null;
  #goodBytes = 0;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isTroubleSaid = false;

  /** Nothing is done until the first `write`. */
  constructor(path: string, options: EventFileOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Bytes that are in the file or will be. */
  get sizeBytes(): number {
    return this.#goodBytes + this.#waitingBytes;
  }

  /** Resolves when the events are written, or wait for the disk. Never rejects. One at a time. */
  async write(...events: Uint8Array[]): Promise<void> {
    for (const event of events) {
      const record = frameRecord(event);
      if (this.#waitingBytes + record.length > maxWaitingBytes) continue;
      this.#waiting.push(record);
      this.#waitingBytes += record.length;
    }
    try {
      await this.#flush();
    } catch (error) {
      if (this.#isTroubleSaid) return;
      this.#isTroubleSaid = true;
      this.#options.onTrouble(error as Error);
    }
  }

  /** Tries once more to write what waits. */
  async close(): Promise<void> {
    await this.write();
    await this.#file?.close().catch(() => {});
    this.#file = null;
  }

  async #flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    if (!this.#file) {
      makeFolder(dirname(this.#path));
      // A name of this process and start: whoever has it already is not this one.
      this.#file = await open(this.#path, 'wx');
    }
    const bytes = Buffer.concat(this.#waiting);
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(
          bytes,
          done,
          bytes.length - done,
          this.#goodBytes + done,
        );
        done += bytesWritten;
      }
    } catch (error) {
      // What a full disk took of a record would look like damage to a reader.
      await this.#file.truncate(this.#goodBytes).catch(() => {});
      throw error;
    }
    this.#goodBytes += bytes.length;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}
