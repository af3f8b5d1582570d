/**
 * The vocabulary of the core: what happens to it (events), what it wants done (effects), and what it remembers
 * (state). Ids, counts and sums only; time comes with the events.
 */
import type {
  Answer,
  Dropped,
  FirstPass,
  Intervention,
  LeafSums,
  LossName,
  NormHistory,
  PlanConfig,
  Progress,
  Rejection,
  RoundKind,
  RunEvent,
  StepRecord,
  TrainConfig,
  TreeNode,
  Version,
} from '@unet-fleet/law';

export interface CoreConfig {
  plan: PlanConfig;
  /** Steps between validations; 0: at the end of every epoch. */
  validateEvery: number;
  /** Steps between checkpoints beside those at validations; 0: none. */
  checkpointEvery: number;
  minWorkers: number;
  numClasses: number;
  loss: LossName;
  /** A worker that is silent for this long is taken for lost. */
  silenceMs: number;
  /** A lease or result that has not been seen by the other side after this long is sent again. */
  resendMs: number;
  /** A leaf that was lost with its worker this many times ends the run: it is the leaf, not the workers. */
  maxLeafAttempts: number;
  /** Time after which a commit is followed by a checkpoint; 0: never for time alone. */
  checkpointMs: number;
  onCheckpointFailure: 'continue' | 'stop';
  /** A run that is asked to stop waits for the step under way this long, and then ends with the one before. */
  stopMs: number;
  /** A leaf whose loss or gradient is not finite ends the run, or counts as one without a valid pixel. */
  onNonFinite: TrainConfig['onNonFinite'];
}

/** Entries of a confusion matrix that are not zero: flat index and count. */
export interface Confusion {
  indices: number[];
  counts: number[];
}

/** What the model sees in a followed photo: deflated classes, by its place in the split. */
export interface Picture {
  sample: number;
  classes: Uint8Array;
}

/** An answer that a validation's metrics are made of. */
export interface CountedAnswer {
  version: Version;
  node: TreeNode;
  confusion: Confusion;
  pictures: readonly Picture[];
}

export type CoreEvent = { now: number } & (
  | { type: 'tick' }
  /** The coordinator's own process stood still for so long (it was stopped, or its machine is too busy). */
  | { type: 'stalled'; forMs: number }
  | { type: 'worker-ready'; workerId: string; name: string }
  /** Its process has ended, or it said so: it will not come back under this id. */
  | { type: 'worker-gone'; workerId: string; reason: string; isFailure: boolean }
  /** Its connection to the broker has closed; it may come back. */
  | { type: 'worker-disconnected'; workerId: string }
  /** It wants to leave; the answers of these nodes are on their way or here, and nothing else will come. */
  | { type: 'worker-draining'; workerId: string; kind: RoundKind; version: Version; nodes: TreeNode[] }
  /** It can't compute what it was leased, for a reason that a person can mend. */
  | { type: 'worker-failed'; workerId: string; message: string }
  | { type: 'broker-lost'; reason: string }
  | { type: 'broker-back' }
  | { type: 'heartbeat'; workerId: string; leaseId: number; isComputing: boolean }
  | {
      type: 'result';
      workerId: string;
      kind: RoundKind;
      version: Version;
      node: TreeNode;
      /** Of each of the node's leaves, in leaf order. */
      leaves: LeafSums[];
      /** Validation only. */
      confusion: Confusion | null;
      /** Validation only; passed on unread with the answer that counts. */
      pictures?: readonly Picture[];
    }
  /** `transferMs`: what fetching and adding it took. */
  | { type: 'node-reduced'; workerId: string; version: Version; node: TreeNode; transferMs: number }
  | { type: 'node-unavailable'; workerId: string; version: Version; node: TreeNode; reason: string }
  | { type: 'committed'; version: Version; gradientNorm: number }
  | { type: 'checkpoint-written'; version: Version; isFinal: boolean }
  | { type: 'checkpoint-failed'; version: Version; message: string; isFinal: boolean }
  | { type: 'stop-requested' }
  /** A person steers the run; `by` says from where. */
  | { type: 'pause-requested'; by: string }
  | { type: 'resume-requested'; by: string }
  | { type: 'checkpoint-requested'; by: string }
  | { type: 'drain-requested'; workerId: string; by: string }
  | { type: 'stop-after-epoch'; isWanted: boolean; by: string }
  /** It is durable; its step has not begun. */
  | { type: 'learning-rate'; intervention: Intervention }
);

/** What a worker is told of its lease. */
export interface LeasedNodes {
  leaseId: number;
  kind: RoundKind;
  version: Version;
  nodes: TreeNode[];
  /** Of the step, which gradients are computed with; absent where the loss has one pass. */
  firstPass?: FirstPass;
}

export type Effect =
  | ({ type: 'lease'; workerId: string } & LeasedNodes)
  | { type: 'reduce'; workerId: string; version: Version; node: TreeNode; numLeaves: number }
  | {
      type: 'commit';
      version: Version;
      numLeaves: number;
      weightSum: number;
      learningRate: number;
      skippedLeaves: number[];
    }
  /** A step was committed: for the ledger. */
  | { type: 'record'; record: StepRecord }
  | { type: 'checkpoint'; progress: Progress; isBest: boolean; isFinal: boolean }
  /** A validation counts this answer: for who shows more of it than its metrics. Each leaf comes once. */
  | { type: 'counted'; answer: CountedAnswer }
  | { type: 'emit'; event: RunEvent }
  /** Tell a worker that nothing more is wanted of this result. */
  | { type: 'settle'; workerId: string; kind: RoundKind; version: Version; node: TreeNode }
  /** Tell a worker that it is not (or no longer) a member, so that it joins anew; `heard`: the newest of it. */
  | { type: 'dismiss'; workerId: string; heard: number }
  /** Ask a worker to hand over what it has finished and leave. */
  | { type: 'drain'; workerId: string }
  /** Everything a draining worker delivered is here: it may go. */
  | { type: 'release'; workerId: string }
  /** Nothing more is wanted of this worker: transfers from it can be broken off. */
  | { type: 'forget'; workerId: string }
  | { type: 'finish'; reason: 'completed' | 'early-stopping' | 'stopped' }
  /** `leaf` is named by its samples, which the core does not know. */
  | {
      type: 'fail';
      cause: 'leaf' | 'disk' | 'worker';
      message: string;
      leaf: { kind: RoundKind; version: Version; leaf: number } | null;
    };

export interface Lease {
  leaseId: number;
  kind: RoundKind;
  version: Version;
  /** Nodes still to come. */
  nodes: TreeNode[];
  sentAtMs: number;
  /** Since when the first of the nodes is awaited: the lease was given, or the node before it arrived. */
  awaitedSinceMs: number;
  seen: boolean;
  /** Another worker was given its leaves as well. */
  isRepeated: boolean;
  isLateSaid: boolean;
}

export interface Member {
  workerId: string;
  name: string;
  lastSeenMs: number;
  lease: Lease | null;
  isDraining: boolean;
  /** When a person last had it asked to leave; null while nobody wants it to. */
  drainAskedAtMs: number | null;
  /** Since when its connection is closed; null while it is open. */
  disconnectedAtMs: number | null;
  /** Since when what it computes is of no use, because its round is over; null while it can take a lease. */
  overtakenAtMs: number | null;
  /** Leaves it has delivered since it joined: the first takes longer. */
  numLeavesDelivered: number;
}

/** A worker, by name, that has failed lately; forgiven when it has completed a lease. */
export interface Suspect {
  name: string;
  numFailures: number;
  reason: string;
  /** No lease is given to it before. */
  pausedUntilMs: number;
}

/** What a leaf takes, measured over those that came last; from lease to answer, so waiting for weights is in it. */
export interface LeafTimes {
  /** In ms per leaf; the oldest is overwritten. */
  recent: number[];
  next: number;
  /** First leaves of workers: longer, but better than nothing until there are others. */
  first: number[];
  medianMs: number;
  /** Median absolute deviation, scaled to a standard deviation. */
  spreadMs: number;
}

/** pending: nobody has it · leased · received: its sums are here, its gradient on the way · done */
export type LeafState = 'pending' | 'leased' | 'received' | 'done';

export interface Round {
  kind: RoundKind;
  /** Of the weights that its leaves are computed with. */
  version: Version;
  /** Of a step with two rounds, when the first began. */
  startedAtMs: number;
  leaves: LeafState[];
  attempts: number[];
  sums: (LeafSums | null)[];
  numImages: number;
  numImagesDone: number;
  answers: Answer[];
  /** Answers whose gradient is being fetched. */
  collecting: { workerId: string; node: TreeNode }[];
  repeated: StepRecord['repeated'];
  /** Leaves that a worker could not compute for a reason it named. */
  complaints: number[];
  confusion: Float64Array | null;
  /** Of the step, before its gradients; null where the loss has one pass. */
  firstPass: StepRecord['firstPass'] | null;
  /** All leaves are done and the step is being applied. */
  committing: boolean;
}

/** What is remembered of one that has spoken (peers.ts). */
export interface Peer {
  /** Number of the newest message heard; 0 before the first. */
  heard: number;
  /** Its process has ended, or it said that it goes: it will not come back under this id. */
  isGone: boolean;
  /** A person has asked it to leave: that stands until it has. */
  isSentAway: boolean;
}

export interface CoreState {
  config: CoreConfig;
  progress: Progress;
  /** In order of joining: the index is the rank. */
  members: Member[];
  /** By worker id, members and others; bounded. */
  peers: Map<string, Peer>;
  round: Round | null;
  nextLeaseId: number;
  /** Since when it is to stop; null: it is not. */
  stopSinceMs: number | null;
  stopAfterEpoch: boolean;
  /** A person has paused the run: no round begins. */
  pause: { sinceMs: number; by: string } | null;
  /** A person wants a checkpoint, and a step is just being applied. */
  checkpointWanted: boolean;
  /** By rising step, at most one for each. */
  interventions: Intervention[];
  /** What the run will end with once the last checkpoint is written. */
  ending: { reason: 'completed' | 'early-stopping' | 'stopped'; version: Version } | null;
  over: boolean;
  waitingSaid: string | null;
  waitingSinceMs: number;
  epochSaid: number;
  dropped: Dropped;
  /** Since the last commit, for its record. */
  rejected: Rejection[];
  suspects: Suspect[];
  leafTimes: Record<RoundKind, LeafTimes>;
  /** Of the gradients of the last leaves, by which outliers are told. */
  norms: NormHistory;
  /** What fetching and adding a node took lately; null before the first. */
  transferMs: number | null;
  broker: { lostAtMs: number; reason: string } | null;
  lastCheckpointMs: number;
}
