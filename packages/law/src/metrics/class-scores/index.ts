/**
 * Every score of a class, in the order in which tables show them. A new one is a file and a line here: evaluate, report
 * and page have its column, and its mean where it has one; csv, curves, TensorBoard, Prometheus and traces have what each
 * validation's event keeps.
 */
import { dice } from './dice.ts';
import { iou } from './iou.ts';
import { precision } from './precision.ts';
import { recall } from './recall.ts';

export const classScores = { iou, dice, precision, recall } as const;

export type ClassScoreName = keyof typeof classScores;

export const classScoreNames = Object.keys(classScores) as ClassScoreName[];

/** As a column's title, with a capital letter. */
export function headingOf(name: ClassScoreName): string {
  const { title } = classScores[name];
  return title.charAt(0).toUpperCase() + title.slice(1);
}

/** Names of the means, such as meanIou. */
export type MeanName = Exclude<(typeof classScores)[ClassScoreName]['mean'], null>;

/** The means with their scores. */
export const classMeans: readonly { name: MeanName; of: ClassScoreName; title: string }[] =
  classScoreNames.flatMap((of) => {
    const { mean, title } = classScores[of];
    return mean === null ? [] : [{ name: mean, of, title: `mean ${title}` }];
  });

type Score = (typeof classScores)[ClassScoreName];
type RecordedScore = Extract<Score, { mean: string; byClass: string }>;

/** What each validation's event has of the scores. */
export type RecordedScores = {
  /** Over the classes that occur in truth or prediction; null where nothing counted. */
  [N in RecordedScore['mean']]: number | null;
} & {
  /** By class; null where the class is in neither truth nor prediction. */
  [N in RecordedScore['byClass']]?: (number | null)[];
};

/** The scores that events have, with the names that they have there. */
export const recordedScores = classScoreNames.flatMap((of) => {
  const { mean, byClass }: Score = classScores[of];
  return mean === null || byClass === null ? [] : [{ of, mean, byClass }];
});
