/**
 * The workers as the shell knows them: what they are, beside the core's view of what they do. It admits them, and turns
 * their messages into events of the core.
 */
import { type UpMessage, withEngine } from '@unet-fleet/wire';
import type { Lookout } from '../live/lookout.ts';
import { refusalOf } from './admission.ts';
import type { Conductor } from './conductor.ts';
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
  receive(
    workerId: string,
    message: Exclude<UpMessage, { type: 'segmented' }>,
    conductor: Conductor,
  ): string | null {
    switch (message.type) {
      case 'ready': {
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
        conductor.feed({ type: 'worker-ready', workerId, name: message.name });
        return null;
      }
      case 'heartbeat':
        if (message.telemetry) this.#lookout.heard(workerId, message.telemetry);
        conductor.feed({
          type: 'heartbeat',
          workerId,
          leaseId: message.leaseId,
          isComputing: message.isComputing,
        });
        return null;
      case 'result': {
        const { kind, version, node, leaves, confusion, pictures = [] } = message;
        this.#lookout.answered(workerId, message);
        conductor.feed({ type: 'result', workerId, kind, version, node, leaves, confusion, pictures });
        return null;
      }
      case 'failed':
        conductor.feed({ type: 'worker-failed', workerId, message: message.message });
        return null;
      case 'draining': {
        const { kind, version, nodes } = message;
        conductor.feed({ type: 'worker-draining', workerId, kind, version, nodes });
        return null;
      }
      case 'bye':
        conductor.feed({ type: 'worker-gone', workerId, reason: message.reason, isFailure: false });
        return null;
    }
  }
}
