/** How often workers of a name have come back after a loss: a process of the same place, with a new id. */
import type { RunEvent } from '@unet-fleet/law';

/** Names come from peers; the one heard of longest ago is forgotten. */
const maxNames = 4_096;

export class Restarts {
  readonly #names = new Map<string, { isLost: boolean; numRestarts: number }>();

  event(event: RunEvent): void {
    if (event.type === 'worker-joined') {
      const { isLost = false, numRestarts = 0 } = this.#names.get(event.worker) ?? {};
      this.#set(event.worker, { isLost: false, numRestarts: numRestarts + (isLost ? 1 : 0) });
    } else if (event.type === 'worker-left') {
      const { numRestarts = 0 } = this.#names.get(event.worker) ?? {};
      this.#set(event.worker, { isLost: event.reason !== askedToLeave, numRestarts });
    }
  }

  of(name: string): number {
    return this.#names.get(name)?.numRestarts ?? 0;
  }

  #set(name: string, state: { isLost: boolean; numRestarts: number }): void {
    this.#names.delete(name);
    this.#names.set(name, state);
    if (this.#names.size > maxNames) this.#names.delete(this.#names.keys().next().value!);
  }
}

/** The core's reason for a worker that has left on request. */
const askedToLeave = 'it was asked to leave';
