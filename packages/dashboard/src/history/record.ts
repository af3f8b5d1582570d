/**
 * A run's course, put together from its events one by one: those of metrics.jsonl, or those of a run that goes on. Pure.
 * What it keeps true: a step is in it once. A coordinator that starts again from a checkpoint computes the steps after it
 * again, so what was after them goes.
 */

import { describeEvent, type RecordedEvent, type RecordedOf } from '@unet-fleet/law';
import { type CurveName, courseCurves } from '@unet-fleet/pictures/models/course-charts';
import type { History, Point, ShownEvent, StepLanes } from '../protocol.ts';

export const maxShownEvents = 2_000;
export const maxLanes = 60;

/** Every point there is: thinned only when it is shown. */
export interface RunCourse {
  curves: History['curves'];
  restarts: number[];
  checkpoints: History['checkpoints'];
  learningRateChanges: History['learningRateChanges'];
  events: ShownEvent[];
  lanes: StepLanes[];
  /** Each better than those before it. */
  bests: NonNullable<History['best']>[];
  nextEventId: number;
  startedAt: string | null;
  step: number;
  /** Of the run as it was told last; null before its first start. */
  numSteps: number | null;
  hasFinished: boolean;
}

export const emptyCourse = (numClasses: number): RunCourse => ({
  curves: {
    ...(Object.fromEntries(courseCurves.map(({ curve }) => [curve, []])) as unknown as Record<
      CurveName,
      Point[]
    >),
    classIou: Array.from({ length: numClasses }, () => []),
  },
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
  for (const { curve, value } of courseCurves) {
    const added = value(event);
    if (added !== undefined && 'step' in event) course.curves[curve].push([event.step, added]);
  }
  switch (event.type) {
    case 'run-started':
      course.startedAt ??= event.at;
      course.hasFinished = false;
      course.numSteps = event.numSteps;
      if (event.numStepsDone > 0 || course.step > 0) {
        dropAfter(course, event.numStepsDone);
        course.restarts.push(event.numStepsDone);
      }
      break;
    case 'step':
      addStep(course, event);
      break;
    case 'validated': {
      const { step } = event;
      for (const [index, curve] of course.curves.classIou.entries()) {
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
 * What lies after `step` will happen again. Sentences stay: they have happened, and say so with their times. So do changes
 * of the learning rate, which the run keeps and does not tell again.
 */
function dropAfter(course: RunCourse, step: number): void {
  const upTo = (points: Point[]): Point[] => points.filter(([at]) => at <= step);
  const { classIou, ...curves } = course.curves;
  for (const name of Object.keys(curves) as (keyof typeof curves)[]) course.curves[name] = upTo(curves[name]);
  course.curves.classIou = classIou.map(upTo);
  course.checkpoints = course.checkpoints.filter((checkpoint) => checkpoint.step <= step);
  course.lanes = course.lanes.filter((lane) => lane.step <= step);
  course.bests = course.bests.filter((best) => best.step <= step);
  course.step = step;
}

/** Of a run that goes on, so far; null before the first that has a score. */
export const bestOf = ({ bests }: Pick<RunCourse, 'bests'>): History['best'] => bests.at(-1) ?? null;
