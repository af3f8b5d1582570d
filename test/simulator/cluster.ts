/** What the parties of one simulated schedule share. */
import type { handle } from '@unet-fleet/coordinator/core/handle';
import type { hears } from '@unet-fleet/coordinator/core/peers';
import type { CoreConfig, CoreState } from '@unet-fleet/coordinator/core/types';
import type { ParameterBucketOptions, ParameterBuckets } from '@unet-fleet/coordinator/reducer/parameters';
import type { Intervention, Progress } from '@unet-fleet/law';
import type { NumericMemory } from '@unet-fleet/numerics';
import type { DownMessage, ShmInbox, UpMessage } from '@unet-fleet/wire';
import type { hears as hearsCoordinator } from '@unet-fleet/worker/session/conversation';
import type { handleSession } from '@unet-fleet/worker/session/session';
import type { SessionConfig } from '@unet-fleet/worker/session/types';
import type { NodeComputer } from '@unet-fleet/worker/shell/nodes';
import type { Weights as HeldWeights } from '@unet-fleet/worker/shell/weights';
import type { ToyTmpfs } from './bulk.ts';
import type { Coordinator } from './coordinator.ts';
import type { Network } from './network.ts';
import type { World } from './process.ts';
import type { Random } from './random.ts';
import type { Reference, Weights } from './reference.ts';
import type { Trace } from './trace.ts';
import type { WorkerProcess } from './worker.ts';

/** What a schedule draws once. */
export interface Settings {
  core: Pick<
    CoreConfig,
    | 'minWorkers'
    | 'silenceMs'
    | 'resendMs'
    | 'maxLeafAttempts'
    | 'checkpointMs'
    | 'onCheckpointFailure'
    | 'stopMs'
  >;
  session: SessionConfig;
  numWorkers: number;
  numReducers: number;
  /** Each reducer is in a process of its own. */
  areRemote: boolean;
  sharesMemory: boolean;
  /** How late the broker's word of a closed connection may be; null where it gives none. */
  mostDisconnectMs: number | null;
  /** Workers are children of the newest coordinator, which sees them end. */
  seesWorkersEnd: boolean;
  /** Of one leaf. */
  leastComputeMs: number;
  mostComputeMs: number;
  /** From the first byte of a checkpoint to the moment when it is durable. */
  mostWriteMs: number;
  /** From a call to a reducer to its turn. */
  mostCallMs: number;
  /** Clocks differ by up to this much, and run up to this share faster or slower. */
  clockSkewMs: number;
  clockDrift: number;
}

/** A core that is broken on purpose, or a port that is; the product as it is where a part is not named. */
export interface Mutant {
  name: string;
  about: string;
  handle?: (real: typeof handle) => typeof handle;
  handleSession?: (real: typeof handleSession) => typeof handleSession;
  hears?: (real: typeof hears) => typeof hears;
  hearsCoordinator?: (real: typeof hearsCoordinator) => typeof hearsCoordinator;
  parameters?: (memory: NumericMemory, options: ParameterBucketOptions) => ParameterBuckets;
  weights?: typeof HeldWeights;
  nodes?: typeof NodeComputer;
  sharedMemoryInbox?: typeof ShmInbox;
  /** Reducers are asked for a snapshot this long after it was begun. */
  snapshotsAfterMs?: number;
  /** Whoever writes a checkpoint does not look whether it still holds the run's lock. */
  writesWithoutLock?: boolean;
  /** The coordinator's control plane lets messages of every term pass. */
  takesEveryTerm?: boolean;
  /** A checkpoint counts as durable when it has been handed to the disk. */
  announcesEarly?: boolean;
  /** A resumed run begins with the state of the moment of the crash, without its optimizer's memory. */
  resumesWithoutSlots?: boolean;
  /** A reducer's process that begins a later term keeps the state that it had. */
  keepsReducersState?: boolean;
  /** What reducers' processes and the coordinator said to each other in another term is heard. */
  hearsEveryTermOfReducers?: boolean;
  /** A resumed run does not look which changes of its learning rate are still to come. */
  forgetsInterventions?: boolean;
  /** A change of the learning rate counts this long before it is durable. */
  keepsInterventionsAfterMs?: number;
}

/** The last message of each type that a worker said and was told, whatever has become of it and of its process. */
export interface LastWords {
  said: Map<UpMessage['type'], { workerId: string; message: UpMessage }>;
  told: Map<DownMessage['type'], DownMessage>;
}

export interface Checkpoint {
  version: number;
  term: number;
  weights: Weights;
  progress: Progress;
  /** By the batch norms. */
  numBatchesTracked: number;
}

/** What survives every crash. */
export class Disk {
  readonly #checkpoints = new Map<number, Checkpoint>();
  /** Highest term taken. */
  term = 0;
  isFailing = false;
  /** Newest version that was announced. */
  announcedVersion = 0;
  /** Changes of the learning rate. */
  interventions: readonly Intervention[] = [];

  write(checkpoint: Checkpoint): void {
    this.#checkpoints.set(checkpoint.version, checkpoint);
  }

  has(version: number): boolean {
    return this.#checkpoints.has(version);
  }

  newest(): Checkpoint | null {
    let newest: Checkpoint | null = null;
    for (const checkpoint of this.#checkpoints.values()) {
      if (!newest || checkpoint.version > newest.version) newest = checkpoint;
    }
    return newest;
  }
}

export interface Cluster extends World {
  readonly random: Random;
  readonly trace: Trace;
  readonly network: Network;
  /** Without any change of the learning rate; the same plan in every one. */
  readonly reference: Reference;
  /** As the coordinator of this term has to do it. */
  referenceOf(term: number): Reference;
  /** With the changes that are durable now. */
  currentReference(): Reference;
  readonly settings: Settings;
  readonly disk: Disk;
  readonly memory: NumericMemory;
  readonly mutant: Mutant | null;
  readonly handle: typeof handle;
  readonly handleSession: typeof handleSession;
  readonly hears: typeof hears;
  readonly hearsCoordinator: typeof hearsCoordinator;
  /** The memory that the coordinator of this term shares with workers. */
  tmpfsOf(term: number): ToyTmpfs;
  /** Of the workers of this name, one after another. */
  lastWordsOf(name: string): LastWords;
  /** A message of a worker arrives once more, at whoever listens now. */
  saidAgain(workerId: string, message: UpMessage): void;
  /** Alive, those of old terms among them. */
  readonly coordinators: Coordinator[];
  /** Alive, by workerId. */
  readonly workers: Map<string, WorkerProcess>;
  /** Of all coordinators, those of redone steps among them. */
  numCommits: number;
  /** The run ended well. */
  finished(coordinator: Coordinator, reason: string): void;
  /** A coordinator's process ended; it may be started again. */
  coordinatorEnded(coordinator: Coordinator, how: string): void;
  workerEnded(worker: WorkerProcess, how: string): void;
  /** Breaks the schedule off: an invariant does not hold. */
  violate(invariant: string, message: string): never;
  /** The same, for what was thrown where the schedule does not see it. */
  broken(error: unknown): void;
}

export type { CoreState };
