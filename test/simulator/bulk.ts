/**
 * How values get from one simulated process to another. Over the network: a bucket is read where it lies at the moment
 * when the request arrives, and asked for by the product's rules. Over shared memory: the product's files, on a tmpfs that
 * is a map.
 */
import { basename } from 'node:path';
import type { ReducerInbox } from '@unet-fleet/coordinator/reducer/functions';
import {
  Asking,
  type BulkKey,
  type BulkOutbox,
  bucketText,
  FetchError,
  frameHeaderBytes,
  type ShmFiles,
} from '@unet-fleet/wire';
import type { Endpoint, Network } from './network.ts';

/** Shorter than the product's, as all here. */
const patience = { silenceMs: 900, maxAttempts: 3 };
/** After the broker has come back, a peer that it does not know may still come. */
const returnGraceMs = 3_000;

export class NetworkOutbox implements BulkOutbox {
  readonly endpoint: Endpoint;
  readonly #network: Network;
  readonly #peer: string;
  readonly #offers = new Map<string, { key: BulkKey; bytes: Uint8Array }>();

  /** Serves the fetches that name this peer. */
  constructor(network: Network, endpoint: Endpoint, peer: string) {
    this.endpoint = endpoint;
    this.#network = network;
    this.#peer = peer;
    network.outboxes.set(peer, this);
  }

  get numOffers(): number {
    return this.#offers.size;
  }

  /** The bytes stay where they are. */
  offer(key: BulkKey, bucket: number, bytes: Uint8Array): void {
    this.#offers.set(bucketText(key, bucket), { key, bytes });
  }

  withdraw(keep: (key: BulkKey) => boolean): void {
    for (const [text, { key }] of this.#offers) if (!keep(key)) this.#offers.delete(text);
  }

  /** A copy of what lies there now. */
  read(key: BulkKey, bucket: number): Uint8Array | null {
    return this.#offers.get(bucketText(key, bucket))?.bytes.slice() ?? null;
  }

  async close(): Promise<void> {
    this.#offers.clear();
    if (this.#network.outboxes.get(this.#peer) === this) this.#network.outboxes.delete(this.#peer);
  }
}

export class NetworkInbox implements ReducerInbox {
  readonly #network: Network;
  readonly #endpoint: Endpoint;
  readonly #open = new Set<Asking>();
  readonly #askAllAnew = () => {
    this.#backAtMs = this.#endpoint.process.now();
    for (const asking of this.#open) asking.askAnew();
  };
  #backAtMs = Number.NEGATIVE_INFINITY;

  constructor(network: Network, endpoint: Endpoint) {
    this.#network = network;
    this.#endpoint = endpoint;
    endpoint.whenBack.add(this.#askAllAnew);
  }

  fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    const { process } = this.#endpoint;
    return new Promise<void>((resolve, reject) => {
      const settled = (error: FetchError | null) => {
        this.#open.delete(asking);
        process.world.hasSettled = true;
        if (error) reject(error);
        else resolve();
      };
      const ask = () => this.#ask(asking, key, bucket, into);
      const ports = { ask, lastHeardMs: () => Number.NEGATIVE_INFINITY, settled };
      const asking = new Asking(peer, key, bucket, ports, process, patience);
      this.#open.add(asking);
      asking.askAnew();
    });
  }

  #ask(asking: Asking, key: BulkKey, bucket: number, into: Uint8Array): boolean {
    const endpoint = this.#endpoint;
    const { process } = endpoint;
    if (!endpoint.isConnected) return false;
    const sender = this.#network.outboxes.get(asking.peer);
    if (!sender?.endpoint.isConnected) {
      process.after(1, () => asking.missing(process.now() - this.#backAtMs <= returnGraceMs));
      return true;
    }
    this.#network.send(endpoint, sender.endpoint, () => {
      const bytes = sender.read(key, bucket);
      this.#network.send(sender.endpoint, endpoint, () => this.#take(asking, bytes, into));
    });
    return true;
  }

  #take(asking: Asking, bytes: Uint8Array | null, into: Uint8Array): void {
    // A doubled answer, or one to a fetch that is over: what it was for may be in use.
    if (!this.#open.has(asking)) return;
    if (bytes) into.set(bytes);
    if (bytes) asking.settle(null);
    else asking.absent();
  }

  cancel(peer: string): void {
    for (const asking of this.#open) {
      if (asking.peer === peer) asking.settle(new FetchError('absent', `${peer} is gone`));
    }
  }

  async close(): Promise<void> {
    this.#endpoint.whenBack.delete(this.#askAllAnew);
    for (const asking of this.#open) asking.settle(new FetchError('closed', 'it was closed'));
  }
}

interface Pages {
  /** Its name, which another may have by now. */
  name: string;
  bytes: Uint8Array;
}

/** A folder on tmpfs, which outlives the processes. */
export class ToyTmpfs implements ShmFiles {
  /** Whoever made it has removed it. */
  isGone = false;
  readonly #byName = new Map<string, Pages>();
  readonly #opened: Pages[] = [];
  /** Those who wait until a file is written, by its name. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** Which file was looked at last. */
  #lookedAt: string | null = null;

  makeFolder(): void {}

  /** Calls once, when the file that was looked at just now is written next. */
  whenWritten(tell: () => void): void {
    const name = this.#lookedAt;
    if (name === null) throw new Error('nobody has looked at a file');
    this.#lookedAt = null;
    const others = this.#waiting.get(name);
    if (others) others.push(tell);
    else this.#waiting.set(name, [tell]);
  }

  open(path: string): number | null {
    if (this.isGone) return null;
    const name = basename(path);
    const pages = { name, bytes: new Uint8Array() };
    this.#byName.set(name, pages);
    return this.#opened.push(pages) - 1;
  }

  write(file: number, header: Uint8Array, bytes: Uint8Array): void {
    const pages = this.#opened[file]!;
    const numBytes = header.byteLength + bytes.byteLength;
    if (pages.bytes.byteLength < numBytes) pages.bytes = new Uint8Array(numBytes);
    pages.bytes.set(header);
    pages.bytes.set(bytes, header.byteLength);
    const waiting = this.#waiting.get(pages.name);
    if (!waiting) return;
    this.#waiting.delete(pages.name);
    for (const tell of waiting) tell();
  }

  close(): void {}

  rename(from: string, to: string): boolean {
    const pages = this.#byName.get(basename(from));
    if (!pages || this.isGone) return false;
    this.#byName.delete(basename(from));
    pages.name = basename(to);
    this.#byName.set(pages.name, pages);
    return true;
  }

  remove(path: string): void {
    this.#byName.delete(basename(path));
  }

  list(): string[] {
    return [...this.#byName.keys()];
  }

  read(path: string, [header, into]: [Uint8Array, Uint8Array], headerAfter: Uint8Array): number {
    const name = basename(path);
    this.#lookedAt = name;
    const pages = this.isGone ? undefined : this.#byName.get(name);
    if (!pages) throw new Error('there is no such file');
    header.set(pages.bytes.subarray(0, frameHeaderBytes));
    headerAfter.set(header);
    const rest = pages.bytes.subarray(frameHeaderBytes, frameHeaderBytes + into.byteLength);
    into.set(rest);
    return header.byteLength + rest.byteLength;
  }
}
