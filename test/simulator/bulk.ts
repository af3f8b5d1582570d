/**
 * Bulk transfer in the simulator: the product's interface of inbox and outbox over the simulated network. A bucket is
 * read where it lies at the moment when the request arrives, asked for again when nothing comes, and given up.
 */
import { type BulkInbox, type BulkKey, type BulkOutbox, bulkKeyText, FetchError } from '@unet-fleet/wire';
import type { Endpoint, Network } from './network.ts';

const silenceMs = 900;
const maxAttempts = 3;
/** How often it is looked whether the broker is back. */
const reconnectMs = 100;

export class ToyOutbox implements BulkOutbox {
  readonly #offers = new Map<string, { key: BulkKey; bytes: Uint8Array }>();

  get numOffers(): number {
    return this.#offers.size;
  }

  offer(key: BulkKey, bucket: number, bytes: Uint8Array): void {
    this.#offers.set(`${bulkKeyText(key)}-${bucket}`, { key, bytes });
  }

  withdraw(keep: (key: BulkKey) => boolean): void {
    for (const [text, { key }] of this.#offers) if (!keep(key)) this.#offers.delete(text);
  }

  /** A copy of what lies there now. */
  read(key: BulkKey, bucket: number): Uint8Array | null {
    return this.#offers.get(`${bulkKeyText(key)}-${bucket}`)?.bytes.slice() ?? null;
  }

  async close(): Promise<void> {
    this.#offers.clear();
  }
}

/** Where a peer's offers lie, if there is such a peer. */
export interface Peer {
  endpoint: Endpoint;
  outbox: ToyOutbox;
  /** Its offers lie in files that outlive it. */
  sharesMemory: boolean;
}

export class ToyInbox implements BulkInbox {
  readonly #network: Network;
  readonly #endpoint: Endpoint;
  readonly #peerOf: (name: string) => Peer | null;
  readonly #pending = new Map<string, Set<(error: FetchError | null) => void>>();

  constructor(network: Network, endpoint: Endpoint, peerOf: (name: string) => Peer | null) {
    this.#network = network;
    this.#endpoint = endpoint;
    this.#peerOf = peerOf;
  }

  get numPending(): number {
    let count = 0;
    for (const fetches of this.#pending.values()) count += fetches.size;
    return count;
  }

  fetch(name: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const ended = (error: FetchError | null) => {
        if (error) reject(error);
        else resolve();
        this.#endpoint.process.world.hasSettled = true;
      };
      this.#start(name, key, bucket, into, ended);
    });
  }

  #start(
    name: string,
    key: BulkKey,
    bucket: number,
    into: Uint8Array,
    ended: (error: FetchError | null) => void,
  ): void {
    const { process } = this.#endpoint;
    const peer = this.#peerOf(name);
    let isOver = false;
    const settle = (error: FetchError | null) => {
      if (isOver) return;
      isOver = true;
      fetches.delete(settle);
      if (fetches.size === 0) this.#pending.delete(name);
      ended(error);
    };
    const fetches = this.#pending.get(name) ?? new Set();
    this.#pending.set(name, fetches);
    fetches.add(settle);
    const take = (bytes: Uint8Array | null) => {
      if (isOver) return;
      if (bytes && bytes.byteLength === into.byteLength) into.set(bytes);
      settle(bytes ? null : new FetchError('absent', `${name} no longer has ${bulkKeyText(key)}`));
    };
    if (peer?.sharesMemory) {
      process.after(0.2, () => take(peer.outbox.read(key, bucket)));
      return;
    }
    let numAttempts = 0;
    const ask = () => {
      if (isOver) return;
      // While the broker is away a fetch waits, and is counted from then on anew.
      if (!this.#endpoint.isConnected) {
        numAttempts = 0;
        process.after(reconnectMs, ask);
        return;
      }
      if (numAttempts++ === maxAttempts) {
        settle(new FetchError('timeout', `${name} did not send ${bulkKeyText(key)}`));
        return;
      }
      if (peer?.endpoint.isConnected) {
        this.#network.send(this.#endpoint, peer.endpoint, () => {
          const bytes = peer.outbox.read(key, bucket);
          this.#network.send(peer.endpoint, this.#endpoint, () => take(bytes));
        });
      } else if (numAttempts > 1) {
        // The broker says that nobody serves the subject; a peer that is only reconnecting is waited for.
        process.after(1, () => settle(new FetchError('absent', `the broker does not know ${name}`)));
        return;
      }
      process.after(silenceMs, ask);
    };
    ask();
  }

  cancel(name: string): void {
    for (const settle of [...(this.#pending.get(name) ?? [])]) {
      settle(new FetchError('closed', `nothing more is wanted of ${name}`));
    }
  }

  async close(): Promise<void> {}
}
