/** A run's course as a page or a report needs it, from its folder: bounded, so the curves of a long run are thinned. */
import { withoutSecrets } from '@unet-fleet/config';
import {
  configOptions,
  ignoredLabel,
  numSteps,
  optionValue,
  printable,
  stepsPerEpoch,
} from '@unet-fleet/law';
import { type CurveName, courseCurves } from '@unet-fleet/pictures/models/course-charts';
import { classColour, cssColour } from '@unet-fleet/pictures/models/palette';
import {
  bestOf,
  emptyCourse,
  maxShownEvents,
  openEvaluations,
  type RunCourse,
  type RunFolder,
  RunReader,
  stateOf,
} from '@unet-fleet/record';
import { type History, maxPoints, type Point, type RunSummary } from '../protocol.ts';
import { thin } from './thin.ts';

/** With the curves that are drawn. */
export type DrawnCourse = RunCourse<CurveName>;

export const emptyDrawnCourse = (numClasses: number): DrawnCourse => emptyCourse(courseCurves, numClasses);

export class RunHistory extends RunReader<CurveName> {
  /** Throws a UserError if the folder holds no run. */
  constructor(runDir: string) {
    super(runDir, courseCurves);
  }

  /** `followed`: what is kept from now on; those of the last evaluation when nobody says. */
  async history(followed?: readonly string[]): Promise<History> {
    const { config, record, split } = this.folder;
    const evaluations = openEvaluations(this.runDir);
    const evaluatedSteps = evaluations.steps().filter((step) => step <= this.course.step);
    const last = evaluatedSteps.at(-1);
    const shownFollowed =
      followed ??
      (last === undefined ? [] : ((await evaluations.read(last))?.pictures ?? []).map((p) => p.sampleId));
    const { plan } = this;
    const { curves, classIou } = this.course;
    const thinned = Object.fromEntries(
      Object.entries(curves).map(([name, points]) => [name, thin(points, maxPoints)]),
    ) as Record<CurveName, Point[]>;
    return {
      name: this.name,
      runId: record.runId,
      config: withoutSecrets(config) as unknown as Record<string, unknown>,
      classNames: record.classNames.map((name) => printable(name)),
      classColours: record.classNames.map((_, index) => cssColour(classColour(index))),
      ignoreIndex: ignoredLabel(config.data),
      numSteps: numSteps(plan),
      numStepsPerEpoch: stepsPerEpoch(plan),
      curves: { ...thinned, classIou: classIou.map((points) => thin(points, maxPoints)) },
      restarts: this.course.restarts,
      checkpoints: this.course.checkpoints.slice(-maxPoints),
      learningRateChanges: this.course.learningRateChanges.slice(-maxPoints),
      evaluatedSteps,
      validationIds: split.validation.map((id) => printable(id, 4_096)),
      followed: [...shownFollowed],
      events: this.course.events.slice(-maxShownEvents),
      lanes: this.course.lanes,
      best: bestOf(this.course),
    };
  }

  /** `isLive`: it is this process's own. */
  summary(isLive = false): RunSummary {
    const { config, record } = this.folder;
    const { step, startedAt, hasFinished } = this.course;
    const best = bestOf(this.course);
    return {
      name: this.name,
      runId: record.runId,
      state: isLive ? 'live' : stateOf(this.runDir, hasFinished),
      startedAt,
      step,
      numSteps: numSteps(this.plan),
      numClasses: record.classNames.length,
      bestLoss: best?.loss ?? null,
      bestMeanIou: best?.meanIou ?? null,
      options: changedOptions(config),
    };
  }
}

const withPaths = new Set(['images', 'masks', 'palette', 'classNames', 'interventions', 'runDir']);

/** Options that are not at their defaults: what tells runs apart. */
function changedOptions(config: RunFolder['config']): Record<string, string> {
  return Object.fromEntries(
    configOptions
      .filter(({ group, key, sensitive }) => group !== 'broker' && !sensitive && !withPaths.has(key))
      .map((option) => [option, optionValue(config, option)] as const)
      .filter(([option, value]) => value !== option.default)
      .map(([{ flag }, value]) => [flag, printable(String(value))]),
  );
}
