/**
 * A run's course, put together from its events one by one: those of metrics.jsonl, or those of a run that goes on. Pure.
 * What it keeps true: a step is in it once. A coordinator that starts again from a checkpoint computes the steps after it
 * again, so what was after them goes.
 */
import {
  commitMoment,
  describeEvent,
  type KnownEvent,
  type Moment,
  type RecordedEvent,
  type RecordedOf,
  resumedMoment,
  type Step,
  type WorkerLane,
} from '@unet-fleet/law';

export const maxShownEvents = 2_000;
export const maxLanes = 60;

export type Point = [step: number, value: number | null];

/** A curve that is kept of a run. */
export interface CourseCurve<Name extends string> {
  curve: Name;
  /** What an event adds at its step; undefined: nothing, null: a gap. */
  value(event: KnownEvent): number | null | undefined;
}

export interface StepLanes {
  step: number;
  at: string;
  stepMs: number;
  /** Of the coordinator. */
  reduceMs: number;
  optimizeMs: number;
  lanes: WorkerLane[];
}

export interface ShownEvent {
  /** Grows by one; a page that was away asks for what it lacks. */
  id: number;
  at: string;
  type: string;
  level: 'info' | 'warn';
  step: number | null;
  /** One sentence. */
  text: string;
}

export interface RunCourse<Name extends string = string> {
  kept: readonly CourseCurve<Name>[];
  /** Every point there is: thinned only when it is shown. */
  curves: Record<Name, Point[]>;
  /** By class. */
  classIou: Point[][];
  /** Steps at which a coordinator started again. */
  restarts: number[];
  /** That became durable. */
  checkpoints: { step: number; at: string; isBest: boolean }[];
  learningRateChanges: { step: number; from: number; to: number; by: string }[];
  /** The last ones. */
  events: ShownEvent[];
  lanes: StepLanes[];
  /** Each better than those before it. */
  bests: { step: number; loss: number; meanIou: number }[];
  nextEventId: number;
  startedAt: string | null;
  step: number;
  /** Of the run as it was told last; null before its first start. */
  numSteps: number | null;
  hasFinished: boolean;
}

export const emptyCourse = <Name extends string>(
  kept: readonly CourseCurve<Name>[],
  numClasses: number,
): RunCourse<Name> => ({
  kept,
  curves: Object.fromEntries(kept.map(({ curve }) => [curve, []])) as unknown as Record<Name, Point[]>,
  classIou: Array.from({ length: numClasses }, () => []),
  restarts: [],
  checkpoints: [],
  learningRateChanges: [],
  events: [],
  lanes: [],
  bests: [],
  nextEventId: 1,
  startedAt: null,
  step: 0,
  numSteps: null,
  hasFinished: false,
});

/** Takes an event in; in place. Returns the sentence it added, if it has one. */
export function addEvent(course: RunCourse, event: RecordedEvent): ShownEvent | null {
  for (const { curve, value } of course.kept) {
    const added = value(event);
    if (added !== undefined && 'step' in event)
      course.curves[curve]!.push([event.step, Number.isFinite(added) ? added : null]);
  }
  switch (event.type) {
    case 'run-started':
      course.startedAt ??= event.at;
      course.hasFinished = false;
      course.numSteps = event.numSteps;
      if (event.numStepsDone > 0 || course.step > 0) {
        goBack(course, resumedMoment(event.numStepsDone));
        course.step = event.numStepsDone;
        course.restarts.push(event.numStepsDone);
      }
      break;
    case 'step':
      addStep(course, event);
      break;
    case 'validated': {
      const { step } = event;
      for (const [index, curve] of course.classIou.entries()) {
        if (event.classIou) curve.push([step, event.classIou[index] ?? null]);
      }
      const { loss, meanIou } = event;
      if (event.isBest && loss !== null && meanIou !== null) course.bests.push({ step, loss, meanIou });
      break;
    }
    case 'checkpoint':
      course.checkpoints.push({ step: event.step, at: event.at, isBest: event.isBest });
      break;
    case 'learning-rate-changed': {
      const { step, from, to, by } = event;
      // What was planned for later steps is given up with it.
      course.learningRateChanges = course.learningRateChanges.filter((change) => change.step < step);
      course.learningRateChanges.push({ step, from, to, by });
      break;
    }
    case 'finished':
      course.hasFinished = true;
      break;
  }
  return addSentence(course, event);
}

function addStep(course: RunCourse, event: RecordedOf<'step'>): void {
  const { step } = event;
  course.step = step;
  if (!event.workers) return;
  course.lanes.push({
    step,
    at: event.at,
    stepMs: event.stepMs,
    reduceMs: event.timings?.reduceMs ?? 0,
    optimizeMs: event.timings?.optimizeMs ?? 0,
    lanes: event.workers,
  });
  if (course.lanes.length > maxLanes) course.lanes.shift();
}

function addSentence(course: RunCourse, event: RecordedEvent): ShownEvent | null {
  const said = describeEvent(event);
  if (!said) return null;
  const step = 'step' in event && typeof event.step === 'number' ? event.step : course.step;
  const shown = { id: course.nextEventId++, at: event.at, type: event.type, step, ...said };
  course.events.push(shown);
  // A few more than are shown, so that not every event moves all the others.
  if (course.events.length > 2 * maxShownEvents) course.events.splice(0, maxShownEvents);
  return shown;
}

/**
 * What lies after `reached` will happen again. Sentences stay: they have happened, and say so with their times. So do
 * changes of the learning rate, which the run keeps and does not tell again.
 */
function goBack(course: RunCourse, reached: Moment): void {
  const standing = <T>(list: T[], stepOf: (entry: T) => Step): T[] =>
    list.filter((entry) => commitMoment(stepOf(entry)) <= reached);
  const points = (curve: Point[]) => standing(curve, ([step]) => step);
  const entries = <T extends { step: Step }>(list: T[]) => standing(list, ({ step }) => step);
  for (const [name, curve] of Object.entries(course.curves)) course.curves[name] = points(curve);
  course.classIou = course.classIou.map(points);
  course.checkpoints = entries(course.checkpoints);
  course.lanes = entries(course.lanes);
  course.bests = entries(course.bests);
}

/** Of a run that goes on, so far; null before the first that has a score. */
export const bestOf = ({ bests }: Pick<RunCourse, 'bests'>): RunCourse['bests'][number] | null =>
  bests.at(-1) ?? null;
