/**
 * Tells of messages that were not used, by worker and reason, at most once in ten seconds each: a peer that sends
 * rubbish without end makes no flood of events.
 */

export interface Rejected {
  worker: string;
  reason: string;
  count: number;
}

interface Entry extends Rejected {
  toldAtMs: number;
}

const everyMs = 10_000;
/** Pairs of worker and reason that are remembered: names come from peers. */
const maxEntries = 1_024;

export class Rejections {
  readonly #entries = new Map<string, Entry>();
  readonly #tell: (rejected: Rejected) => void;

  constructor(tell: (rejected: Rejected) => void) {
    this.#tell = tell;
  }

  /** The first is told at once, later ones together. */
  count(worker: string, reason: string, nowMs: number, count = 1): void {
    const key = `${worker}\n${reason}`;
    let entry = this.#entries.get(key);
    if (!entry) {
      if (this.#entries.size >= maxEntries) this.flush(nowMs);
      // Full of what was told within the last ten seconds: there is enough to look at.
      if (this.#entries.size >= maxEntries) return;
      entry = { worker, reason, count: 0, toldAtMs: Number.NEGATIVE_INFINITY };
      this.#entries.set(key, entry);
    }
    entry.count += count;
    this.#tellIfDue(entry, nowMs);
  }

  /** Tells what is due, and forgets those of which nothing came. To be called now and then. */
  flush(nowMs: number): void {
    for (const [key, entry] of this.#entries) {
      if (nowMs - entry.toldAtMs < everyMs) continue;
      if (entry.count === 0) this.#entries.delete(key);
      else this.#tellIfDue(entry, nowMs);
    }
  }

  #tellIfDue(entry: Entry, nowMs: number): void {
    if (nowMs - entry.toldAtMs < everyMs) return;
    const { worker, reason, count } = entry;
    entry.count = 0;
    entry.toldAtMs = nowMs;
    this.#tell({ worker, reason, count });
  }
}
