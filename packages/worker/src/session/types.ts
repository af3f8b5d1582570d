/** The vocabulary of a worker's session: what happens to it, what it wants done, what it remembers. */
import type { FirstPass, RoundKind, TreeNode, Version } from '@unet-fleet/law';
import type { UpMessage } from '@unet-fleet/wire';

export interface SessionConfig {
  heartbeatMs: number;
  /** A result is sent again after this long, until the round has moved on. */
  resendMs: number;
  /** Without a pulse for this long the coordinator is taken for gone, and joining starts anew. */
  silenceMs: number;
  /** A worker that was asked to leave goes after this long, whatever has been taken of it. */
  drainMs: number;
  /** A computation that the coordinator has given up ends the worker after this long: only a new process mends it. */
  hungMs: number;
  /** A worker that has no coordinator goes after this long; Infinity: never. */
  aloneMs: number;
}

export interface LeasedWork {
  leaseId: number;
  kind: RoundKind;
  version: Version;
  nodes: TreeNode[];
  firstPass?: FirstPass;
}

/** It is sent until it is known to have arrived, each time with a number of its own. */
export type ResultMessage = Omit<Extract<UpMessage, { type: 'result' }>, 'sequence'>;

export type SessionEvent = { now: number } & (
  | { type: 'tick' }
  | { type: 'welcomed'; term: number }
  /** The answer to its request to join: it may not. */
  | { type: 'refused'; reason: string }
  /** Data and engine are ready for this term. */
  | { type: 'prepared'; term: number }
  | { type: 'lease'; term: number; lease: LeasedWork }
  | { type: 'pulse'; term: number; kind: RoundKind; version: Version }
  | { type: 'dismissed'; term: number; heard: number }
  /** Its data or engine are not those of the run. */
  | { type: 'turned-away'; term: number; reason: string }
  /** A person has the coordinator ask this worker to leave. */
  | { type: 'drain'; term: number }
  /** Nothing more is wanted of this result. */
  | { type: 'settled'; term: number; kind: RoundKind; version: Version; node: TreeNode }
  /** The connection to the broker is back: what was sent meanwhile has not arrived. */
  | { type: 'reconnected' }
  /** A draining worker: nothing of it is awaited any more. */
  | { type: 'released'; term: number }
  | { type: 'over'; term: number; reason: string; isComplete: boolean }
  /** The node that was computed, or those of its parts that were finished when the computation was broken off. */
  | { type: 'computed'; leaseId: number; results: ResultMessage[] }
  /** The weights could not be had, or the lease was outdated: nothing to send. */
  | { type: 'abandoned'; leaseId: number }
  | { type: 'failed'; message: string }
  | { type: 'leave-requested'; reason: string }
);

export type SessionEffect =
  | { type: 'join' }
  /** Answered by prepared or failed. One at a time. */
  | { type: 'prepare'; term: number }
  /** Tell the coordinator that data and engine are ready, and what they are. */
  | { type: 'announce'; term: number; sequence: number }
  | { type: 'send'; message: UpMessage }
  /** Compute a node of the lease; answered by computed, abandoned or failed. One at a time. */
  | { type: 'compute'; lease: LeasedWork; node: TreeNode }
  /** Break the computation off at once and hand over what is finished of it; answered in the same way. */
  | { type: 'hand-over' }
  /** The gradient of this node can be forgotten. */
  | { type: 'forget'; version: Version; node: TreeNode }
  /** Gradients of versions before this one can be forgotten. */
  | { type: 'forget-before'; version: Version }
  | { type: 'exit'; reason: string; cause: ExitCause };

export type ExitCause = 'over' | 'refused' | 'failed' | 'requested' | 'hung' | 'alone';

export interface SessionState {
  config: SessionConfig;
  phase: 'joining' | 'preparing' | 'member' | 'draining' | 'gone';
  /** The newest that it has heard of. */
  term: number;
  /** The newest message of a coordinator. */
  heard: { term: number; sequence: number };
  /** Messages said so far, each of which has its number. */
  numSaid: number;
  /** Number of the message by which it said last that it is ready. */
  announcedAs: number;
  lease: LeasedWork | null;
  /** Nodes of the lease not begun. */
  todo: TreeNode[];
  /** A preparation goes on, for this term or an older one. */
  isPreparing: boolean;
  isComputing: boolean;
  /** Ready for this term, but the computation of a lease from before has not ended yet. */
  isReadyAfterComputing: boolean;
  /** Since when the computation that goes on is of no use to anybody; null while it is, or none goes on. */
  uselessSinceMs: number | null;
  drain: { reason: string; sinceMs: number; sentAtMs: number | null } | null;
  /** Results that may not have arrived, with the time of their last sending. */
  unconfirmed: { result: ResultMessage; sentAtMs: number }[];
  lastPulseMs: number;
  lastJoinMs: number;
  lastHeartbeatMs: number;
}
