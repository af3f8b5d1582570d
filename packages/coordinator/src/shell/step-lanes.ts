/**
 * What each worker did in a step, for people who look why it took so long. Put together from what the coordinator sees
 * anyway: when leases were sent, what workers said they spent, and the answers that counted.
 */
import type { RoundKind, StepRecord, TreeNode, Version, WorkerLane } from '@unet-fleet/law';
import type { UpMessage, WorkerTimings } from '@unet-fleet/wire';

/** Timings that are kept for one step: names of nodes come from peers. */
const maxTimings = 8_192;

/** Lanes of one step's event: a line of metrics.jsonl stays below 40 KB. */
const maxLanes = 256;
const parts = ['fetchMs', 'dataMs', 'computeMs', 'sendMs'] as const;

type TimedAnswer = Pick<Extract<UpMessage, { type: 'result' }>, 'kind' | 'version' | 'node' | 'timings'>;

export type LaneOfWorker = WorkerLane & { workerId: string };

const keyOf = (workerId: string, kind: RoundKind, { level, index }: TreeNode): string =>
  `${workerId} ${kind} ${level} ${index}`;

export class StepLanes {
  #version = -1;
  /** By worker. */
  readonly #leasedAtMs = new Map<string, number>();
  readonly #timings = new Map<string, WorkerTimings>();

  /** A lease of the step on `version` goes out; the first of a worker counts. */
  leased(workerId: string, version: Version, nowMs: number): void {
    if (version !== this.#version) {
      this.#version = version;
      this.#leasedAtMs.clear();
      this.#timings.clear();
    }
    if (!this.#leasedAtMs.has(workerId)) this.#leasedAtMs.set(workerId, nowMs);
  }

  /** A worker's answer for a node of the step, whether it will count or not. */
  answered(workerId: string, { kind, version, node, timings }: TimedAnswer): void {
    const key = keyOf(workerId, kind, node);
    // Sent again, it says the same.
    if (version !== this.#version || this.#timings.has(key) || this.#timings.size >= maxTimings) return;
    this.#timings.set(key, timings);
  }

  /** The lanes of a step that was committed at `nowMs`, in the order of the workers' first leaves. */
  of(record: Pick<StepRecord, 'durationMs' | 'answers' | 'firstPass'>, nowMs: number): LaneOfWorker[] {
    const beginMs = nowMs - record.durationMs;
    const lanes = new Map<string, LaneOfWorker>();
    for (const { workerId, worker, node, leaves, arrivedMs } of record.answers) {
      const lane = lanes.get(workerId) ?? this.#newLane(workerId, worker, beginMs);
      lanes.set(workerId, lane);
      lane.numLeaves += leaves.length;
      lane.endMs = Math.max(lane.endMs, arrivedMs);
      this.#addTimings(lane, 'train', node);
    }
    // Who computed nothing but the first pass has no leaf of the step.
    for (const { workerId, node } of record.firstPass?.answers ?? []) {
      const lane = lanes.get(workerId);
      if (lane) this.#addTimings(lane, 'sums', node);
    }
    return [...lanes.values()];
  }

  #addTimings(lane: LaneOfWorker, kind: RoundKind, node: TreeNode): void {
    const timings = this.#timings.get(keyOf(lane.workerId, kind, node));
    for (const part of parts) lane[part] += timings?.[part] ?? 0;
  }

  #newLane(workerId: string, worker: string, beginMs: number): LaneOfWorker {
    const leasedAtMs = this.#leasedAtMs.get(workerId) ?? beginMs;
    const startMs = Math.max(0, leasedAtMs - beginMs);
    const none = { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 };
    return { workerId, worker, numLeaves: 0, startMs, endMs: startMs, ...none };
  }
}

/** As they are told: those that ended last where there are very many, in hundredths of a ms, by name alone. */
export function toldLanes(lanes: readonly LaneOfWorker[]): WorkerLane[] {
  const told =
    lanes.length <= maxLanes
      ? lanes
      : [...lanes].sort((one, other) => other.endMs - one.endMs).slice(0, maxLanes);
  return told.map(({ workerId, ...lane }) => {
    const rounded = { ...lane };
    for (const part of ['startMs', 'endMs', ...parts] as const)
      rounded[part] = Math.round(lane[part] * 100) / 100;
    return rounded;
  });
}
