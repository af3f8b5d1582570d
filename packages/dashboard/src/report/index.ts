/** A run as one HTML file, to look at without the program and to send to somebody. */

import { basename, dirname } from 'node:path';
import { realFiles, replaceFile } from '@unet-fleet/record';
import { assertReplaceable, explained, makeFolder } from '@unet-fleet/shared';
import { gatherReport } from './gather.ts';
import { reportPage } from './page.ts';
import { figuresOf, type ReportFigures } from './report-figures.ts';

export type { ReportFigures } from './report-figures.ts';

export interface WrittenReport extends ReportFigures {
  path: string;
  sizeBytes: number;
}

/**
 * Writes the report of a run folder; a reader of an earlier one at the same path sees that or this one, whole. Throws a
 * UserError if the folder holds no run, or the file can't be written.
 */
export async function writeReport(runDir: string, path: string, version: string): Promise<WrittenReport> {
  const report = await gatherReport(runDir, version);
  const page = reportPage(report);
  const folder = dirname(path);
  try {
    makeFolder(folder);
    assertReplaceable(path);
    replaceFile(folder, basename(path), page, realFiles);
  } catch (error) {
    throw explained(error, { what: 'the report', path: folder, instead: 'or name another file with --out' });
  }
  return { path, sizeBytes: Buffer.byteLength(page), ...figuresOf(report) };
}
