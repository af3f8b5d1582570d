/** What a report says in figures, for programs. */

import { type ClassMetrics, classMeans, type MeanMetrics, type MeanName } from '@unet-fleet/law';
import type { Part } from '@unet-fleet/pictures/models/step-parts';
import { metricsIn } from './classes-section.ts';
import { type Outcome, outcomeOf } from './head.ts';
import type { Report } from './report.ts';
import type { WorkerTimes } from './step-times.ts';

export interface ReportFigures {
  name: string;
  runId: string;
  outcome: Outcome;
  step: number;
  numSteps: number;
  best: Report['history']['best'];
  /** Of the evaluation that the report shows, the best one where it was kept; null where there is none. */
  scores: (MeanMetrics & { step: number; classes: (ClassMetrics & { name: string })[] }) | null;
  /** A coordinator was at work for so long. */
  activeMs: number;
  numStarts: number;
  /** Sums over the steps. */
  stepMs: Partial<Record<Part | 'total', number>>;
  workers: WorkerTimes[];
  /** By the type of their event. */
  numFaults: Record<string, number>;
  learningRateChanges: Report['interventions'];
  weightsSha256: string | null;
  /** What the report lacks and why, a sentence each. */
  missing: string[];
}

export function figuresOf(report: Report): ReportFigures {
  const { course, history, folder } = report;
  const { steps, workers, starts, faults, finished, lastStep } = course;
  return {
    name: report.name,
    runId: folder.record.runId,
    outcome: outcomeOf(report),
    step: lastStep?.step ?? 0,
    numSteps: history.numSteps,
    best: history.best,
    scores: scoresOf(report),
    activeMs: course.activeMs,
    numStarts: starts.num,
    stepMs: { total: steps.totalMs, ...Object.fromEntries(steps.parts.map(({ name, ms }) => [name, ms])) },
    workers,
    numFaults: Object.fromEntries(Array.from(faults, ([type, { num }]) => [type, num])),
    learningRateChanges: report.interventions,
    weightsSha256: finished?.weightsSha256 ?? report.checkpoint?.weightsSha256 ?? null,
    missing: report.missing,
  };
}

function scoresOf(report: Report): ReportFigures['scores'] {
  const { evaluation, history } = report;
  const scored = metricsIn(report);
  if (!evaluation || !scored) return null;
  const { pixelAccuracy, classes } = scored.metrics;
  const means = classMeans.map(({ name }) => [name, scored.metrics[name]] as const);
  return {
    step: evaluation.step,
    ...(Object.fromEntries(means) as Record<MeanName, number | null>),
    pixelAccuracy,
    classes: classes.map((one) => ({ name: history.classNames[one.classIndex] ?? '', ...one })),
  };
}
