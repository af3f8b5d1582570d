/**
 * Every score of a class, in the order in which tables show them. A new one is a file and a line here: evaluate, report
 * and page have its column, and its mean where it has one.
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
