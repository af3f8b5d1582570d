/**
 * The vocabulary of the core: what happens to it (events), what it wants done (effects), and what it remembers
 * (state). Ids, counts and sums only; time comes with the events.
 */
import type {
  EarlyStoppingState,
  PlanConfig,
  RoundKind,
  RunEvent,
  ScheduleState,
  TreeNode,
} from '@unet-fleet/shared';

export interface CoreConfig {
  plan: PlanConfig;
  /** Steps between validations; 0: at the end of every epoch. */
  validateEvery: number;
  /** Steps between checkpoints beside those at validations; 0: none. */
  checkpointEvery: number;
  minWorkers: number;
  numClasses: number;
  /** A worker that is silent for this long is taken for lost. */
  silenceMs: number;
  /** A lease or result that has not been seen by the other side after this long is sent again. */
  resendMs: number;
  /** A leaf that was lost with its worker this many times ends the run: it is the leaf, not the workers. */
  maxLeafAttempts: number;
}

/** What a checkpoint needs of the core to go on exactly where it was. */
export interface Progress {
  /** Number of steps committed: the version of the weights. */
  version: number;
  /** This version is to be validated before the next step. */
  validationPending: boolean;
  schedule: ScheduleState;
  earlyStopping: EarlyStoppingState;
  best: { step: number; loss: number; meanIou: number } | null;
}

export interface LeafSums {
  lossSum: number;
  weightSum: number;
}

export type CoreEvent = { now: number } & (
  | { type: 'tick' }
  | { type: 'worker-ready'; workerId: string; name: string }
  | { type: 'worker-gone'; workerId: string; reason: string }
  | { type: 'heartbeat'; workerId: string; leaseId: number }
  | {
      type: 'result';
      workerId: string;
      kind: RoundKind;
      step: number;
      node: TreeNode;
      /** Of each of the node's leaves, in leaf order. */
      sums: LeafSums[];
      /** Validation only: flat index in the confusion matrix and count, of the entries that are not zero. */
      confusion: { indices: number[]; counts: number[] } | null;
    }
  | { type: 'node-reduced'; step: number; node: TreeNode }
  | { type: 'node-unavailable'; step: number; node: TreeNode; workerId: string; reason: string }
  | { type: 'leaf-failed'; workerId: string; message: string }
  | { type: 'committed'; step: number; gradientNorm: number }
  | { type: 'checkpoint-written'; step: number }
  | { type: 'stop-requested' }
);

export type Effect =
  | { type: 'lease'; workerId: string; leaseId: number; kind: RoundKind; step: number; nodes: TreeNode[] }
  | { type: 'reduce'; workerId: string; step: number; node: TreeNode; numLeaves: number }
  | { type: 'commit'; step: number; numLeaves: number; weightSum: number; learningRate: number }
  | { type: 'checkpoint'; progress: Progress; isBest: boolean; isFinal: boolean }
  | { type: 'emit'; event: RunEvent }
  /** Tell a worker that it is not (or no longer) a member, so that it joins anew. */
  | { type: 'dismiss'; workerId: string }
  | { type: 'finish'; reason: 'completed' | 'early-stopping' | 'stopped' }
  | { type: 'fail'; message: string };

export interface Lease {
  leaseId: number;
  kind: RoundKind;
  step: number;
  /** Nodes still to come. */
  nodes: TreeNode[];
  sentAtMs: number;
  seen: boolean;
}

export interface Member {
  workerId: string;
  name: string;
  lastSeenMs: number;
  lease: Lease | null;
}

/** pending: nobody has it · leased · received: its sums are here, its gradient on the way · done */
export type LeafState = 'pending' | 'leased' | 'received' | 'done';

export interface Round {
  kind: RoundKind;
  /** Version of the weights that its leaves are computed with. */
  step: number;
  startedAtMs: number;
  leaves: LeafState[];
  attempts: number[];
  sums: (LeafSums | null)[];
  numImages: number;
  numImagesDone: number;
  confusion: Float64Array | null;
  /** All leaves are done and the step is being applied. */
  committing: boolean;
}

/** Answers that changed nothing, by reason; for the log and the tests. */
export type Dropped = Record<'stale' | 'duplicate' | 'stranger' | 'malformed', number>;

export interface CoreState {
  config: CoreConfig;
  progress: Progress;
  /** In order of joining: the index is the rank. */
  members: Member[];
  round: Round | null;
  nextLeaseId: number;
  stopRequested: boolean;
  /** What the run will end with once the last checkpoint is written. */
  ending: { reason: 'completed' | 'early-stopping' | 'stopped'; checkpointStep: number } | null;
  over: boolean;
  waitingSaid: string | null;
  epochSaid: number;
  dropped: Dropped;
}
