/**
 * The course of one run folder, whether its run goes on or not: `refresh` takes in what was written since. A run of a
 * million steps is kept whole in memory (some 100 bytes a point).
 */
import { basename } from 'node:path';
import { eventOf, type PlanConfig, type RecordedEvent, stepsPerEpoch } from '@unet-fleet/law';
import { openRunFolder, planOf, type RunFolder, runPaths } from '../run-folder/run-folder.ts';
import { fromBeginning, readNewLines } from './follow-lines.ts';
import { addEvent, type CourseCurve, emptyCourse, type RunCourse, type ShownEvent } from './run-course.ts';

/** Told of what `refresh` reads, in order. */
export interface HistoryListener {
  onEvent(event: RecordedEvent, shown: ShownEvent | null): void;
  /** Everything is read from the beginning again. */
  onAnew(): void;
}

export class RunReader<Name extends string> {
  readonly runDir: string;
  readonly name: string;
  readonly folder: RunFolder;
  listener: HistoryListener | null = null;
  readonly #curves: readonly CourseCurve<Name>[];
  readonly #metrics;
  #course: RunCourse<Name>;
  #version = 0;
  #numDamagedLines = 0;
  #refreshing: Promise<void> | null = null;

  /**
   * Throws a UserError if the folder holds no run. Nothing is read of its course before the first `refresh`.
   * `curves`: that are kept.
   */
  constructor(runDir: string, curves: readonly CourseCurve<Name>[]) {
    this.runDir = runDir;
    this.#curves = curves;
    this.name = basename(runDir);
    this.folder = openRunFolder(runDir);
    this.#metrics = fromBeginning(runPaths(runDir).metrics);
    this.#course = emptyCourse(this.#curves, this.folder.record.classNames.length);
  }

  get course(): Readonly<RunCourse<Name>> {
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
        this.#course = emptyCourse(this.#curves, this.folder.record.classNames.length);
        this.#numDamagedLines = 0;
        this.#version++;
        this.listener?.onAnew();
      },
    ).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }
}
