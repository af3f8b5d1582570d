/**
 * The course of a run as a report tells it: who was there when, what it waited for, where the time went, what went wrong.
 * Folded from the run's events one by one; what it keeps is bounded, however long the run: of each list the first
 * entries and how many there were.
 */
import type { RecordedEvent, RecordedOf } from '@unet-fleet/law';
import { StepTimes, type TimeSplit, type WorkerTimes } from './step-times.ts';

/** A list that is cut, and its whole length. */
export interface Cut<T> {
  shown: T[];
  num: number;
}

/** From a start of the coordinator to its end. Times are ms since 1970. */
export interface Start {
  fromMs: number;
  toMs: number;
  /** Steps committed when it began, and when it ended. */
  fromStep: number;
  toStep: number;
  /** null: it neither finished nor was stopped in good order. */
  outcome: RecordedOf<'finished'>['reason'] | null;
}

/** A worker's presence, from joining to leaving. */
export interface Stay {
  worker: string;
  fromMs: number;
  toMs: number;
  /** Why it was lost or left; null: it was there until its start of the coordinator ended. */
  reason: string | null;
}

export interface Wait {
  kind: 'broker' | 'paused' | 'validation';
  fromMs: number;
  toMs: number;
}

export type FaultType = (typeof faultTypes)[number];
export const faultTypes = [
  'worker-left',
  'worker-late',
  'lease-repeated',
  'worker-set-aside',
  'broker-lost',
  'message-rejected',
  'leaf-skipped',
  'leaf-retried',
  'gradient-outlier',
  'checkpoint-failed',
  'warning',
] as const;
export type Fault = RecordedOf<FaultType>;

const interventionTypes = [
  'options-changed',
  'learning-rate-changed',
  'paused',
  'resumed',
  'stop-after-epoch',
  'drain-requested',
  'checkpoint-requested',
] as const;
export type Intervention = RecordedOf<(typeof interventionTypes)[number]>;

export interface Course {
  /** The newest; null for a run that has recorded none. */
  begun: RecordedOf<'run-started'> | null;
  starts: Cut<Start>;
  lastStart: Start | null;
  /** A coordinator was at work for so long. */
  activeMs: number;
  stays: Cut<Stay>;
  waits: Cut<Wait>;
  /** Sums of all waits. */
  awayMs: { broker: number; paused: number };
  /** By type. */
  faults: Map<FaultType, Cut<Fault>>;
  /** What people asked of the run. */
  interventions: Cut<Intervention>;
  lastStep: RecordedOf<'step'> | null;
  /** Steps whose loss was not a finite number. */
  numNonFiniteSteps: number;
  lastValidation: RecordedOf<'validated'> | null;
  best: RecordedOf<'validated'> | null;
  /** Of the start that goes on or was the last; null while it has not told its end. */
  finished: RecordedOf<'finished'> | null;
  steps: TimeSplit;
  workers: WorkerTimes[];
  validationMs: number;
  numValidations: number;
}

const maxKept = { starts: 200, stays: 1_000, waits: 1_000, faults: 60, interventions: 200 };

export function courseOf(events: Iterable<RecordedEvent>): Course {
  const fold = new CourseFold();
  for (const event of events) fold.add(event);
  return fold.end();
}

class CourseFold {
  readonly #starts = new CutList<Start>(maxKept.starts);
  readonly #stays = new CutList<Stay>(maxKept.stays);
  readonly #waits = new CutList<Wait>(maxKept.waits);
  readonly #faults = new Map<FaultType, CutList<Fault>>();
  readonly #interventions = new CutList<Intervention>(maxKept.interventions);
  readonly #times = new StepTimes();
  #begun: Course['begun'] = null;
  #start: Start | null = null;
  #activeMs = 0;
  readonly #awayMs = { broker: 0, paused: 0 };
  readonly #present = new Map<string, Stay>();
  #lastStep: Course['lastStep'] = null;
  #numNonFiniteSteps = 0;
  #lastValidation: Course['lastValidation'] = null;
  #best: Course['best'] = null;
  #finished: Course['finished'] = null;
  #validationMs = 0;
  #numValidations = 0;
  /** Since the last commit nothing but a validation can have taken the time. */
  #committedMs: number | null = null;

  add(event: RecordedEvent): void {
    const atMs = Date.parse(event.at);
    if (event.type === 'run-started') this.#begin(event, atMs);
    if (this.#start) this.#start.toMs = Math.max(this.#start.toMs, atMs);
    if (isFault(event)) this.#noteFault(event);
    if (isIntervention(event)) this.#interventions.push(event);
    switch (event.type) {
      case 'worker-joined':
        this.#leave(event.worker, atMs, null);
        this.#present.set(event.worker, { worker: event.worker, fromMs: atMs, toMs: atMs, reason: null });
        break;
      case 'worker-left':
        this.#leave(event.worker, atMs, event.reason);
        break;
      case 'broker-back':
        this.#noteWait('broker', event.awayMs, atMs);
        break;
      case 'resumed':
        this.#noteWait('paused', event.pausedMs, atMs);
        break;
      case 'step':
        this.#commit(event, atMs);
        break;
      case 'validated':
        this.#validate(event, atMs);
        break;
      case 'finished':
        this.#finished = event;
        if (this.#start) this.#start.outcome = event.reason;
        break;
    }
  }

  end(): Course {
    this.#close();
    return {
      begun: this.#begun,
      starts: this.#starts.end(),
      lastStart: this.#start,
      activeMs: this.#activeMs,
      stays: this.#stays.end(),
      waits: this.#waits.end(),
      awayMs: this.#awayMs,
      faults: new Map(Array.from(this.#faults, ([type, list]) => [type, list.end()])),
      interventions: this.#interventions.end(),
      lastStep: this.#lastStep,
      numNonFiniteSteps: this.#numNonFiniteSteps,
      lastValidation: this.#lastValidation,
      best: this.#best,
      finished: this.#finished,
      ...this.#times.end(),
      validationMs: this.#validationMs,
      numValidations: this.#numValidations,
    };
  }

  #begin(event: RecordedOf<'run-started'>, atMs: number): void {
    this.#close();
    this.#begun = event;
    this.#finished = null;
    this.#committedMs = null;
    const { numStepsDone } = event;
    this.#start = { fromMs: atMs, toMs: atMs, fromStep: numStepsDone, toStep: numStepsDone, outcome: null };
    this.#starts.push(this.#start);
  }

  /** What nobody ended has ended with its start of the coordinator. */
  #close(): void {
    for (const worker of [...this.#present.keys()]) this.#leave(worker, this.#start?.toMs ?? 0, null);
    if (this.#start) this.#activeMs += this.#start.toMs - this.#start.fromMs;
  }

  #leave(worker: string, atMs: number, reason: string | null): void {
    const stay = this.#present.get(worker);
    if (!stay) return;
    this.#present.delete(worker);
    this.#stays.push({ ...stay, toMs: Math.max(stay.fromMs, atMs), reason });
  }

  #noteWait(kind: 'broker' | 'paused', forMs: number, atMs: number): void {
    this.#awayMs[kind] += forMs;
    this.#waits.push({ kind, fromMs: atMs - forMs, toMs: atMs });
  }

  #commit(event: RecordedOf<'step'>, atMs: number): void {
    this.#lastStep = event;
    this.#committedMs = atMs;
    if (event.loss === null) this.#numNonFiniteSteps++;
    if (this.#start) this.#start.toStep = event.step;
    this.#times.add(event);
  }

  #validate(event: RecordedOf<'validated'>, atMs: number): void {
    this.#lastValidation = event;
    this.#numValidations++;
    if (event.isBest) this.#best = event;
    if (this.#committedMs === null) return;
    const tookMs = Math.max(0, atMs - this.#committedMs);
    this.#validationMs += tookMs;
    this.#waits.push({ kind: 'validation', fromMs: atMs - tookMs, toMs: atMs });
    this.#committedMs = null;
  }

  #noteFault(event: Fault): void {
    let list = this.#faults.get(event.type);
    if (!list) {
      list = new CutList(maxKept.faults);
      this.#faults.set(event.type, list);
    }
    list.push(event);
  }
}

const isFault = (event: RecordedEvent): event is Fault =>
  (faultTypes as readonly string[]).includes(event.type);
const isIntervention = (event: RecordedEvent): event is Intervention =>
  (interventionTypes as readonly string[]).includes(event.type);

class CutList<T> {
  readonly #max: number;
  readonly #shown: T[] = [];
  #num = 0;
  constructor(max: number) {
    this.#max = max;
  }
  push(item: T): void {
    this.#num++;
    if (this.#shown.length < this.#max) this.#shown.push(item);
  }
  end(): Cut<T> {
    return { shown: this.#shown, num: this.#num };
  }
}
