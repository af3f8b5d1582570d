/** What the control plane of a run took: events, messages, bytes, and the time of the coordinator's main thread. */

interface Times {
  count: number;
  ms: number;
}

interface Traffic {
  count: number;
  bytes: number;
}

export class Tally {
  numSteps = 0;
  virtualMs = 0;
  /** Of the core, by type of event. */
  readonly decisions = new Map<string, Times>();
  /** Encoding, decoding and checking at the coordinator. */
  readonly coding: Times = { count: 0, ms: 0 };
  /** As they cross the coordinator's connection. */
  readonly messagesUp = new Map<string, Traffic>();
  readonly messagesDown = new Map<string, Traffic>();
  /** As they reach workers: what is told to all counts once for each. */
  numDelivered = 0;

  decided(type: string, ms: number): void {
    const times = this.decisions.get(type) ?? { count: 0, ms: 0 };
    this.decisions.set(type, times);
    note(times, ms);
  }

  coded(ms: number): void {
    note(this.coding, ms);
  }

  up(type: string, bytes: number): void {
    count(this.messagesUp, type, bytes);
  }

  down(type: string, bytes: number, numReceivers: number): void {
    count(this.messagesDown, type, bytes);
    this.numDelivered += numReceivers;
  }

  /** All decisions together. */
  get core(): Times {
    const all = { count: 0, ms: 0 };
    for (const { count, ms } of this.decisions.values()) {
      all.count += count;
      all.ms += ms;
    }
    return all;
  }
}

function note(times: Times, ms: number): void {
  times.count++;
  times.ms += ms;
}

function count(traffic: Map<string, Traffic>, type: string, bytes: number): void {
  const known = traffic.get(type) ?? { count: 0, bytes: 0 };
  traffic.set(type, { count: known.count + 1, bytes: known.bytes + bytes });
}

export const total = (traffic: ReadonlyMap<string, Traffic>): Traffic => {
  const sum = { count: 0, bytes: 0 };
  for (const { count, bytes } of traffic.values()) {
    sum.count += count;
    sum.bytes += bytes;
  }
  return sum;
};
