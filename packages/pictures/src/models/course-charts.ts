/**
 * The charts of a run's course: what is kept of its events as curves, and how page and report draw them. A chart or a curve
 * is one entry here.
 */
import { classScores, type KnownEvent, recordedScores } from '@unet-fleet/law';
import type { ScaleKind, Tone } from './chart.ts';

export interface CourseCurve<Name extends string = string> {
  curve: Name;
  name: string;
  tone: Tone;
  /** step: seen best behind its mean · validation: few values, seen best as dots · given: without noise. */
  kind: 'step' | 'validation' | 'given';
  /** What an event adds at its step; undefined: nothing. What is no finite number is a gap. */
  value: (event: KnownEvent) => number | null | undefined;
  /** Beside the other curves of its chart. */
  short?: string;
  /** Of a chart with this curve alone, where that is not its name. */
  title?: string;
}

export interface CourseChart<Name extends string = string> {
  title: string;
  remark?: string;
  /** share: where there is room, each curve has a chart of its own. */
  scale: ScaleKind;
  curves: readonly CourseCurve<Name>[];
}

type EventOf<Type extends KnownEvent['type']> = Extract<KnownEvent, { type: Type }>;

const ofStep = (value: (event: EventOf<'step'>) => number | null) => (event: KnownEvent) =>
  event.type === 'step' ? value(event) : undefined;
const ofValidation = (value: (event: EventOf<'validated'>) => number | null) => (event: KnownEvent) =>
  event.type === 'validated' ? value(event) : undefined;

/** Keeps the curve's name in its type. */
const curve = <Name extends string>(name: Name, rest: Omit<CourseCurve, 'curve'>): CourseCurve<Name> => ({
  curve: name,
  ...rest,
});

const charts = [
  {
    title: 'Loss',
    scale: 'fitting',
    curves: [
      curve('trainLoss', {
        ...{ name: 'Training loss', short: 'training', tone: 'training', kind: 'step' },
        value: ofStep(({ loss }) => loss),
      }),
      curve('validationLoss', {
        ...{ name: 'Validation loss', short: 'validation', tone: 'validation', kind: 'validation' },
        value: ofValidation(({ loss }) => loss),
      }),
    ],
  },
  {
    title: 'Validation scores',
    scale: 'share',
    curves: [
      ...recordedScores.map(({ of, mean }) => {
        const { title } = classScores[of];
        return curve(mean, {
          ...{ name: `Mean ${title}`, short: `mean ${title}`, title, tone: 'score', kind: 'validation' },
          value: ofValidation((event) => event[mean]),
        });
      }),
      curve('pixelAccuracy', {
        ...{ name: 'Pixel accuracy', short: 'pixel accuracy', tone: 'accuracy', kind: 'validation' },
        value: ofValidation(({ pixelAccuracy }) => pixelAccuracy),
      }),
    ],
  },
  {
    title: 'Learning rate',
    scale: 'log',
    curves: [
      curve('learningRate', {
        ...{ name: 'Learning rate', tone: 'quiet', kind: 'given' },
        value: ofStep(({ learningRate }) => learningRate),
      }),
    ],
  },
  {
    title: 'Gradient norm',
    remark: 'before clipping',
    scale: 'fitting',
    curves: [
      curve('gradientNorm', {
        ...{ name: 'Gradient norm', tone: 'training', kind: 'step' },
        value: ofStep(({ gradientNorm }) => gradientNorm),
      }),
    ],
  },
  {
    title: 'Images per second',
    scale: 'linear',
    curves: [
      curve('imagesPerSecond', {
        ...{ name: 'Images per second', tone: 'quiet', kind: 'step' },
        value: ofStep(({ numImages, stepMs }) => (stepMs > 0 ? (numImages * 1000) / stepMs : null)),
      }),
    ],
  },
] satisfies CourseChart[];

/** Curves that are kept of a run, beside those by class. */
export type CurveName = (typeof charts)[number]['curves'][number]['curve'];

export const courseCharts: readonly CourseChart<CurveName>[] = charts;
export const courseCurves: readonly CourseCurve<CurveName>[] = courseCharts.flatMap(({ curves }) => curves);
