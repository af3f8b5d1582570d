/** Runs cells, two at a time, and says what became of each. */
import { join } from 'node:path';
import { type CellResult, runCell } from './cell.ts';
import { commands } from './commands.ts';
import { situations } from './situations.ts';
import { type Cell, differences } from './table.ts';

export interface CellReport extends Cell {
  result: CellResult;
  /** Empty where all is as expected. */
  failures: string[];
}

export interface MatrixOptions {
  fixture: string;
  folder: string;
  numAtOnce?: number;
  limitMs?: number;
  /** No cell is begun after this. */
  deadlineMs?: number;
  onReport?(report: CellReport): void;
}

/** Those cells that this machine and user can have; the reports are in their order. */
export async function runMatrix(wanted: readonly Cell[], options: MatrixOptions): Promise<CellReport[]> {
  const {
    fixture,
    folder,
    numAtOnce = 2,
    limitMs = 120_000,
    deadlineMs = Number.POSITIVE_INFINITY,
  } = options;
  const reports: CellReport[] = [];
  let next = 0;
  const work = async () => {
    while (next < wanted.length && performance.now() < deadlineMs) {
      const at = next++;
      const cell = wanted[at]!;
      const command = commands.find(({ name }) => name === cell.command)!;
      const situation = situations.find(({ name }) => name === cell.situation)!;
      const result = await runCell(command, situation, {
        fixture,
        folder: join(folder, `cell-${at}`),
        limitMs,
      });
      // A command that was done before anything happened to it says nothing of it.
      const isMissed = cell.expected.code === 4 && result.code === 0 && !result.wasUnderWay;
      const failures = isMissed
        ? ['was done before it could be interrupted']
        : [...differences(cell.expected, result), ...result.broken];
      reports[at] = { ...cell, result, failures };
      options.onReport?.(reports[at]);
    }
  };
  await Promise.all(Array.from({ length: numAtOnce }, work));
  return reports.filter((report) => report !== undefined);
}
