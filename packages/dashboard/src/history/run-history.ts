/**
 * The course of one run folder, whether its run goes on or not: `refresh` takes in what was written since, `history` is
 * what a page or a report needs. Bounded: a run of a million steps is kept whole in memory (some 100 bytes a point), and
 * leaves here thinned.
 */
import { basename } from 'node:path';
import { withoutSecrets } from '@unet-fleet/config';
import {
  configOptions,
  eventOf,
  ignoredLabel,
  leafSizeOf,
  numSteps,
  optionValue,
  type PlanConfig,
  printable,
  type RecordedEvent,
  stepsPerEpoch,
} from '@unet-fleet/law';
import { classColour, cssColour } from '@unet-fleet/pictures/models/palette';
import {
  fromBeginning,
  openEvaluations,
  openRunFolder,
  type RunFolder,
  type RunStatus,
  readNewLines,
  readStatus,
  runPaths,
} from '@unet-fleet/record';
import { type History, maxPoints, type Point, type RunSummary, type ShownEvent } from '../protocol.ts';
import { addEvent, bestOf, emptyCourse, maxShownEvents, type RunCourse } from './record.ts';
import { thin } from './thin.ts';

/** A coordinator writes its status once a second. */
const staleMs = 10_000;

/** Told of what `refresh` reads, in order. */
export interface HistoryListener {
  onEvent(event: RecordedEvent, shown: ShownEvent | null): void;
  /** Everything is read from the beginning again. */
  onAnew(): void;
}

export class RunHistory {
  readonly runDir: string;
  readonly name: string;
  readonly folder: RunFolder;
  listener: HistoryListener | null = null;
  readonly #metrics;
  #course: RunCourse;
  #version = 0;
  #numDamagedLines = 0;
  #refreshing: Promise<void> | null = null;

  /** Throws a UserError if the folder holds no run. Nothing is read of its course before the first `refresh`. */
  constructor(runDir: string) {
    this.runDir = runDir;
    this.name = basename(runDir);
    this.folder = openRunFolder(runDir);
    this.#metrics = fromBeginning(runPaths(runDir).metrics);
    this.#course = emptyCourse(this.folder.record.classNames.length);
  }

  get course(): Readonly<RunCourse> {
    return this.#course;
  }

  /** With the epochs that the run was given since it began. */
  get plan(): PlanConfig {
    const plan = planOf(this.folder);
    const { numSteps: told } = this.#course;
    return told === null ? plan : { ...plan, epochs: Math.ceil(told / stepsPerEpoch(plan)) };
  }

  /** Of metrics.jsonl: lines that are no JSON object, such as one that was cut. */
  get numDamagedLines(): number {
    return this.#numDamagedLines;
  }

  /** Grows with all that `refresh` takes in. */
  get version(): number {
    return this.#version;
  }

  /** Takes in what the run has written since. Calls at the same time share one reading. */
  refresh(): Promise<void> {
    this.#refreshing ??= readNewLines(
      this.#metrics,
      (line) => {
        if (line === undefined) this.#numDamagedLines++;
        const event = eventOf(line);
        if (!event) return;
        this.#version++;
        const shown = addEvent(this.#course, event);
        this.listener?.onEvent(event, shown);
      },
      () => {
        this.#course = emptyCourse(this.folder.record.classNames.length);
        this.#numDamagedLines = 0;
        this.#version++;
        this.listener?.onAnew();
      },
    ).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /** `followed`: what is kept from now on; those of the last evaluation when nobody says. */
  async history(followed?: readonly string[]): Promise<History> {
    const { config, record, split } = this.folder;
    const evaluations = openEvaluations(this.runDir);
    const evaluatedSteps = evaluations.steps().filter((step) => step <= this.#course.step);
    const last = evaluatedSteps.at(-1);
    const shownFollowed =
      followed ??
      (last === undefined ? [] : ((await evaluations.read(last))?.pictures ?? []).map((p) => p.sampleId));
    const { plan } = this;
    const { curves } = this.#course;
    const { classIou, ...others } = curves;
    const thinned = Object.fromEntries(
      Object.entries(others).map(([name, points]) => [name, thin(points as Point[], maxPoints)]),
    ) as Omit<History['curves'], 'classIou'>;
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
      restarts: this.#course.restarts,
      checkpoints: this.#course.checkpoints.slice(-maxPoints),
      learningRateChanges: this.#course.learningRateChanges.slice(-maxPoints),
      evaluatedSteps,
      validationIds: split.validation.map((id) => printable(id, 4_096)),
      followed: [...shownFollowed],
      events: this.#course.events.slice(-maxShownEvents),
      lanes: this.#course.lanes,
      best: bestOf(this.#course),
    };
  }

  /** `isLive`: it is this process's own. */
  summary(isLive = false): RunSummary {
    const { config, record } = this.folder;
    const { step, startedAt, hasFinished } = this.#course;
    const best = bestOf(this.#course);
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

/** What the plan's arithmetic needs, from what the folder says. */
function planOf({ config, split }: RunFolder) {
  const { batchSize, epochs, seed } = config.train;
  return {
    numTrainSamples: split.train.length,
    numValidationSamples: split.validation.length,
    batchSize,
    leafSize: leafSizeOf(config.train),
    epochs,
    seed,
  };
}

/** Of a run that is not this process's own. */
export function stateOf(runDir: string, hasFinished: boolean): RunSummary['state'] {
  if (hasFinished) return 'ended';
  const status = statusOf(runDir);
  if (!status || status.state === 'over') return 'interrupted';
  return Date.now() - Date.parse(status.at) < staleMs ? 'running' : 'interrupted';
}

/** The status in the folder; null where there is none to read. */
export function statusOf(runDir: string): RunStatus | null {
  try {
    return readStatus(runDir);
  } catch {
    return null;
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
