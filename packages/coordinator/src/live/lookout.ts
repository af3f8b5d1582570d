/**
 * Gathers what those who watch a run want to know from what passes through the coordinator anyway: leases and answers,
 * heartbeats, committed steps, rejections. It adds to events and messages, and decides nothing.
 */
import {
  type CoreStatus,
  leavesOf,
  type PlanConfig,
  type RunEvent,
  rounds,
  type StepRecord,
  type StepTimings,
  stepPlan,
  versionBefore,
  type WorkerLane,
} from '@unet-fleet/law';
import type { DownMessage, Telemetry, Unsent, UpMessage } from '@unet-fleet/wire';
import { maxFollowed } from '@unet-fleet/wire/protocol/messages';
import type { CountedAnswer } from '../core/types.ts';
import { StepLanes, toldLanes } from '../shell/step-lanes.ts';
import { type OwnTimings, stepTimings } from '../shell/step-timings.ts';
import type { EvaluationKeeper } from './evaluation-keeper.ts';
import type { Followed } from './followed.ts';
import type { WorkerFacts } from './live-run.ts';
import { Rejections } from './rejections.ts';
import { Restarts } from './restarts.ts';
import { WorkerStats } from './worker-stats.ts';

type Message = Unsent<DownMessage>;
type Ready = Extract<UpMessage, { type: 'ready' }>;
type Result = Extract<UpMessage, { type: 'result' }>;

export interface LookoutOptions {
  plan: PlanConfig;
  followed: Followed;
  evaluations: Pick<EvaluationKeeper, 'counted' | 'event'>;
  emit(event: RunEvent): void;
  now(): number;
}

export class Lookout {
  readonly #options: LookoutOptions;
  readonly #lanes = new StepLanes();
  readonly #stats = new WorkerStats();
  readonly #restarts = new Restarts();
  readonly #rejections: Rejections;
  readonly #engines = new Map<string, Ready['fingerprint']>();
  readonly #telemetry = new Map<string, Telemetry>();
  /** Of the step that was committed last. */
  #committed: { timings?: StepTimings; workers: WorkerLane[] } = { workers: [] };

  constructor(options: LookoutOptions) {
    this.#options = options;
    this.#rejections = new Rejections((rejected) => options.emit({ type: 'message-rejected', ...rejected }));
  }

  /** A message as it goes to a worker. */
  outgoing(workerId: string, message: Message): Message {
    if (message.type !== 'lease') return message;
    if (rounds[message.kind].isOfStep) {
      this.#lanes.leased(workerId, message.version, this.#options.now());
      return message;
    }
    return { ...message, followed: this.#options.followed.positions.slice(0, maxFollowed) };
  }

  admitted(workerId: string, ready: Ready): void {
    this.#engines.set(workerId, ready.fingerprint);
  }

  heard(workerId: string, telemetry: Telemetry): void {
    this.#rejections.flush(this.#options.now());
    // A stranger's is nobody's.
    if (this.#engines.has(workerId)) this.#telemetry.set(workerId, telemetry);
  }

  /** An answer, before the core sees it. */
  answered(workerId: string, result: Result): void {
    if (rounds[result.kind].isOfStep) this.#lanes.answered(workerId, result);
  }

  /** An answer that a validation counts. */
  counted(answer: CountedAnswer): void {
    this.#options.evaluations.counted(answer);
  }

  forget(workerId: string): void {
    this.#engines.delete(workerId);
    this.#telemetry.delete(workerId);
  }

  /** A step was committed; its event comes next. `own`: what the coordinator itself spent on it. */
  recorded(record: StepRecord, own: OwnTimings): void {
    const { plan, now } = this.#options;
    for (const { worker, reason, count } of record.rejected) {
      this.rejected(worker, reasons[reason] ?? reason, count);
    }
    const lanes = this.#lanes.of(record, now());
    this.#committed = { timings: stepTimings(lanes, own), workers: toldLanes(lanes) };
    const { numImages, numLeaves } = stepPlan(plan, versionBefore(record.step));
    const imagesOf = (leaf: number) => Math.min(plan.leafSize, numImages - leaf * plan.leafSize);
    const images = new Map<string, number>();
    for (const { workerId, node } of record.answers) {
      const ofNode = leavesOf(node, numLeaves).reduce((sum, leaf) => sum + imagesOf(leaf), 0);
      images.set(workerId, (images.get(workerId) ?? 0) + ofNode);
    }
    const steps = lanes.map((lane) => ({ ...lane, numImages: images.get(lane.workerId)! }));
    this.#stats.add(record.durationMs, steps);
  }

  /** A message that was not used. */
  rejected(worker: string, reason: string, count = 1): void {
    this.#rejections.count(worker, reason, this.#options.now(), count);
  }

  /** An event of the core, completed. */
  event(event: RunEvent): RunEvent {
    this.#rejections.flush(this.#options.now());
    this.#restarts.event(event);
    this.#options.evaluations.event(event);
    return event.type === 'step' ? { ...event, ...this.#committed } : event;
  }

  /** Of the members, as `status` names them; `lastSeen` in its words. */
  facts(workers: CoreStatus['workers'], lastSeenOf: (lastSeenMs: number) => string): WorkerFacts[] {
    return workers.map(({ name, workerId, lastSeenMs }) => {
      const engine = this.#engines.get(workerId);
      const telemetry = this.#telemetry.get(workerId);
      return {
        name,
        workerId,
        host: telemetry?.host ?? '',
        pid: telemetry?.pid ?? 0,
        device: deviceOf(engine?.device ?? ''),
        numThreads: engine?.intraOpThreads ?? 0,
        residentBytes: telemetry?.residentBytes ?? 0,
        gpu: telemetry?.gpu ?? null,
        imagesPerSecond: this.#stats.imagesPerSecond(workerId),
        numRestarts: this.#restarts.of(name),
        lastSeen: lastSeenOf(lastSeenMs),
        isStraggler: this.#stats.isStraggler(workerId),
      };
    });
  }

  /** Median time of a worker's leaves; null before its first step. */
  leafMs(workerId: string): number | null {
    return this.#stats.leafMs(workerId);
  }
}

/** "gpu NVIDIA H200" is its name; of processors the kind is enough. */
const deviceOf = (device: string): string =>
  device.startsWith('gpu ') ? device.slice(4) : device.split(' ')[0]!;

/** The core's words for answers that changed nothing, for people. */
const reasons: Record<StepRecord['rejected'][number]['reason'], string> = {
  stale: 'its answer came after its round was over',
  duplicate: 'another worker had answered for its leaves',
  stranger: 'it is no member of the run',
  malformed: 'its answer is malformed',
  unavailable: 'its values could not be fetched',
};
