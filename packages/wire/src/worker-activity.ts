/** What a worker tells those who watch its process: metrics, probes. */
import type { RoundKind } from '@unet-fleet/law';
import type { Telemetry, WorkerTimings } from './protocol/messages.ts';

export type WorkerActivity =
  /** It has become a member of its run, ready to compute, or is none any more. */
  | { type: 'membership'; isJoined: boolean }
  | { type: 'broker'; isConnected: boolean }
  /** Leaves that were computed and answered for; times of all of them together. */
  | { type: 'computed'; kind: RoundKind; numLeaves: number; timings: WorkerTimings }
  /** A lease was overtaken, or its weights could not be had. */
  | { type: 'abandoned' }
  /** A bucket of weights that was fetched, or of a node that was offered, as it travels. */
  | { type: 'bulk'; direction: 'received' | 'offered'; numBytes: number }
  /** What the process takes of its machine, with each heartbeat. */
  | { type: 'telemetry'; telemetry: Telemetry };
