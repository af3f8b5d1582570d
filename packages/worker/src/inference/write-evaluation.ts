/** An evaluation as files: JSON for programs, the confusion matrix as CSV and as a picture. */
import { join } from 'node:path';
import { confusionCsv } from '@unet-fleet/law';
import { confusionPicture } from '@unet-fleet/pictures';
import { explained, makeFolder, writeWhole } from '@unet-fleet/shared';
import type { EvaluationReport } from './evaluate.ts';
import { absentPolicy } from './evaluation-table.ts';

export interface EvaluationFiles {
  json: string;
  csv: string;
  picture: string;
}

/** Writes evaluation.json, confusion.csv and confusion.png. Throws a UserError if the folder can't be written. */
export async function writeEvaluation(report: EvaluationReport, outDir: string): Promise<EvaluationFiles> {
  const paths = {
    json: join(outDir, 'evaluation.json'),
    csv: join(outDir, 'confusion.csv'),
    picture: join(outDir, 'confusion.png'),
  };
  const { classNames, confusion } = report;
  const scheme = { classNames, ignoreIndex: -1 };
  const title = `Confusion matrix: ${report.modelName}`;
  const picture = await confusionPicture(title, confusion, classNames.length, scheme);
  try {
    makeFolder(outDir);
    await writeWhole(paths.json, `${JSON.stringify(evaluationJson(report), null, 2)}\n`);
    await writeWhole(paths.csv, confusionCsv(confusion, classNames));
    await writeWhole(paths.picture, picture);
  } catch (error) {
    throw explained(error, {
      what: 'the scores',
      path: outDir,
      instead: 'or choose another folder with --out',
    });
  }
  return paths;
}

/** The report without the matrix, which is in the CSV; classes with their names, null for scores that they lack. */
export function evaluationJson({
  confusion: _,
  bug: __,
  classNames,
  metrics,
  ...rest
}: EvaluationReport): object {
  return {
    ...rest,
    absentPolicy,
    metrics: {
      ...metrics,
      classes: metrics.classes.map((scored) => ({ name: classNames[scored.classIndex], ...scored })),
      baseline: { name: classNames[metrics.baseline.classIndex], ...metrics.baseline },
    },
  };
}
