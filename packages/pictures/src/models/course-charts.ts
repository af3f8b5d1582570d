/** The charts of a run's course, for the page and the report: a line here is a curve in both. */
import type { ScaleKind, Tone } from './chart.ts';

/** Curves that are recorded of a run, beside those by class. */
export type CurveName =
  | 'trainLoss'
  | 'validationLoss'
  | 'learningRate'
  | 'meanIou'
  | 'pixelAccuracy'
  | 'gradientNorm'
  | 'imagesPerSecond';

/** step: a value a step, seen best behind its mean · validation: few values, seen best as dots · given: without noise. */
export type CurveKind = 'step' | 'validation' | 'given';

export interface CourseCurve {
  curve: CurveName;
  name: string;
  tone: Tone;
  kind: CurveKind;
  /** Beside the other curves of its chart. */
  short?: string;
  /** Of a chart with this curve alone, where that is not its name. */
  title?: string;
}

export interface CourseChart {
  title: string;
  remark?: string;
  /** share: where there is room, each curve has a chart of its own. */
  scale: ScaleKind;
  curves: readonly CourseCurve[];
}

const of = (
  curve: CurveName,
  name: string,
  tone: Tone,
  kind: CurveKind,
  words: Pick<CourseCurve, 'short' | 'title'> = {},
): CourseCurve => ({ curve, name, tone, kind, ...words });

const meanIouTitle = 'Intersection over union (IoU)';

export const courseCharts: readonly CourseChart[] = [
  {
    title: 'Loss',
    scale: 'fitting',
    curves: [
      of('trainLoss', 'Training loss', 'training', 'step', { short: 'training' }),
      of('validationLoss', 'Validation loss', 'validation', 'validation', { short: 'validation' }),
    ],
  },
  {
    title: 'Validation scores',
    scale: 'share',
    curves: [
      of('meanIou', 'Mean IoU', 'score', 'validation', { short: 'mean IoU', title: meanIouTitle }),
      of('pixelAccuracy', 'Pixel accuracy', 'accuracy', 'validation', { short: 'pixel accuracy' }),
    ],
  },
  { title: 'Learning rate', scale: 'log', curves: [of('learningRate', 'Learning rate', 'quiet', 'given')] },
  {
    title: 'Gradient norm',
    remark: 'before clipping',
    scale: 'fitting',
    curves: [of('gradientNorm', 'Gradient norm', 'training', 'step')],
  },
  {
    title: 'Images per second',
    scale: 'linear',
    curves: [of('imagesPerSecond', 'Images per second', 'quiet', 'step')],
  },
];
