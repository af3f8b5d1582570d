/** The vocabulary of a worker's session: what happens to it, what it wants done, what it remembers. */
import type { RoundKind, TreeNode, UpMessage } from '@unet-fleet/shared';

export interface SessionConfig {
  heartbeatMs: number;
  /** A result is sent again after this long, until the round has moved on. */
  resendMs: number;
  /** Without a pulse for this long the coordinator is taken for gone, and joining starts anew. */
  silenceMs: number;
}

export interface LeasedWork {
  leaseId: number;
  kind: RoundKind;
  step: number;
  nodes: TreeNode[];
}

export type ResultMessage = Extract<UpMessage, { type: 'result' }>;

export type SessionEvent = { now: number } & (
  | { type: 'tick' }
  | { type: 'welcomed'; term: number }
  | { type: 'refused'; reason: string }
  /** Data and engine are ready for this term. */
  | { type: 'prepared'; term: number }
  | { type: 'lease'; term: number; lease: LeasedWork }
  | { type: 'pulse'; term: number; kind: RoundKind; step: number }
  | { type: 'dismissed'; term: number }
  | { type: 'over'; term: number; reason: string }
  | { type: 'computed'; leaseId: number; result: ResultMessage }
  /** The weights could not be had, or the lease was outdated: nothing to send. */
  | { type: 'abandoned'; leaseId: number }
  | { type: 'failed'; message: string }
  | { type: 'leave-requested'; reason: string }
);

export type SessionEffect =
  | { type: 'join' }
  | { type: 'prepare'; term: number }
  /** Tell the coordinator that data and engine are ready, and what they are. */
  | { type: 'announce'; term: number }
  | { type: 'send'; message: UpMessage }
  /** Compute a node of the lease; answered by computed, abandoned or failed. One at a time. */
  | { type: 'compute'; lease: LeasedWork; node: TreeNode }
  /** Gradients of steps before this one can be forgotten. */
  | { type: 'forget-before'; step: number }
  | { type: 'exit'; reason: string; cause: 'over' | 'refused' | 'failed' | 'requested' };

export interface SessionState {
  config: SessionConfig;
  phase: 'joining' | 'preparing' | 'member' | 'gone';
  term: number;
  lease: LeasedWork | null;
  /** Nodes of the lease not begun. */
  todo: TreeNode[];
  isComputing: boolean;
  /** Results that may not have arrived, with the time of their last sending. */
  unconfirmed: { result: ResultMessage; sentAtMs: number }[];
  lastPulseMs: number;
  lastJoinMs: number;
  lastHeartbeatMs: number;
}
