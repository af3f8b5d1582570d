/**
 * The workers as the shell knows them: what they are, beside the core's view of what they do. It admits them, and turns
 * their messages into events of the core.
 */
import { type UpMessage, withEngine } from '@unet-fleet/wire';
import type { Lookout } from '../live/lookout.ts';
import { refusalOf } from './admission.ts';
import type { Conductor, UntimedEvent } from './conductor.ts';
import type { PreparedRun } from './prepare-run.ts';

export class Fleet {
  #engines: PreparedRun['engines'];
  readonly #run: PreparedRun;
  readonly #allowMixedEngines: boolean;
  readonly #sharesMemory = new Map<string, boolean>();
  readonly #names = new Map<string, string>();

  readonly #lookout: Lookout;

  constructor(run: PreparedRun, allowMixedEngines: boolean, lookout: Lookout) {
    this.#run = run;
    this.#lookout = lookout;
    this.#allowMixedEngines = allowMixedEngines;
    this.#engines = run.engines;
  }

  /** That have computed for the run, each once. */
  get engines(): PreparedRun['engines'] {
    return this.#engines;
  }

  /** Ids of the members that are this process on the coordinator's machine: another one may call itself the same. */
  idsOf(instance: string): string[] {
    return [...this.#names.keys()].filter((workerId) => workerId.endsWith(`.${instance}`));
  }

  /** What a worker calls itself; its id where it has not said so. */
  nameOf(workerId: string): string {
    return this.#names.get(workerId) ?? workerId;
  }

  /** The core wants nothing more of this worker. */
  forget(workerId: string): void {
    this.#sharesMemory.delete(workerId);
    this.#names.delete(workerId);
    this.#lookout.forget(workerId);
  }

  sharesMemory(workerId: string): boolean {
    return this.#sharesMemory.get(workerId) ?? false;
  }

  /** Feeds a worker's message to the core. Returns a sentence when the worker is refused. */
  receive(workerId: string, message: CoreMessage, conductor: Conductor): string | null {
    if (message.type === 'ready') {
      const refusal = this.#admit(workerId, message);
      if (refusal !== null) return refusal;
    }
    if (message.type === 'heartbeat' && message.telemetry) this.#lookout.heard(workerId, message.telemetry);
    if (message.type === 'result') this.#lookout.answered(workerId, message);
    conductor.feed(eventOf(workerId, message));
    return null;
  }

  #admit(workerId: string, message: Extract<UpMessage, { type: 'ready' }>): string | null {
    const { dataset } = this.#run;
    const refusal = refusalOf(message, {
      numSamples: dataset.samples.length,
      manifestSha256: dataset.sha256,
      fingerprint: this.#engines[0] ?? null,
      allowMixedEngines: this.#allowMixedEngines,
    });
    if (refusal) return refusal;
    this.#engines = withEngine(this.#engines, message.fingerprint);
    this.#sharesMemory.set(workerId, message.sharesMemory);
    this.#names.set(workerId, message.name);
    this.#lookout.admitted(workerId, message);
    return null;
  }
}

/** What of a worker's words is for the core. */
type CoreMessage = Exclude<UpMessage, { type: 'segmented' }>;

/** What a worker's message is to the core. */
export function eventOf(workerId: string, message: CoreMessage): UntimedEvent {
  switch (message.type) {
    case 'ready':
      return { type: 'worker-ready', workerId, name: message.name };
    case 'heartbeat':
      return {
        type: 'heartbeat',
        workerId,
        leaseId: message.leaseId,
        isComputing: message.isComputing,
      };
    case 'result': {
      const { kind, version, node, leaves, confusion, pictures = [] } = message;
      return { type: 'result', workerId, kind, version, node, leaves, confusion, pictures };
    }
    case 'failed':
      return { type: 'worker-failed', workerId, message: message.message };
    case 'draining': {
      const { kind, version, nodes } = message;
      return { type: 'worker-draining', workerId, kind, version, nodes };
    }
    case 'bye':
      return { type: 'worker-gone', workerId, reason: message.reason, isFailure: false };
  }
}
