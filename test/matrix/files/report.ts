/** The figures of a run of the matrix, and its failures grouped by what is wrong. */
import type { Cell } from './cell.ts';
import type { Verdict } from './judge-all.ts';

export interface Generated {
  cells: number;
  /** Files that each independent library agreed with the generator about. */
  checks: Record<string, number>;
  /** Kinds that none of them reads. */
  unread: string[];
  /** Where one of them did not agree: a fault of the generator. */
  disagreements: string[];
}

export interface Report {
  numCells: number;
  numVerdicts: number;
  numLeftOut: number;
  seconds: number;
  cellsByPart: Record<string, number>;
  kinds: Record<string, number>;
  checks: Record<string, number>;
  disagreements: string[];
  failures: { cell: string; command: string; faults: string[] }[];
}

export function reportOf(cells: readonly Cell[], generated: Generated, verdicts: readonly Verdict[]): Report {
  const kinds = new Map<string, Set<string>>();
  for (const { files } of cells) {
    for (const [what, kind] of Object.entries(files))
      kinds.set(what, (kinds.get(what) ?? new Set()).add(kind));
  }
  return {
    numCells: cells.length,
    numVerdicts: verdicts.length,
    numLeftOut: verdicts.filter(({ faults }) => faults === null).length,
    seconds: Math.round(performance.now() / 1000),
    cellsByPart: countsOf(cells.map(({ part }) => part)),
    kinds: Object.fromEntries([...kinds].map(([what, names]) => [what, names.size])),
    checks: generated.checks,
    disagreements: generated.disagreements,
    failures: verdicts.flatMap(({ cell, command, faults }) =>
      faults !== null && faults.length > 0 ? [{ cell, command, faults }] : [],
    ),
  };
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Cells of one fault that are named one by one. */
const maxNamed = 6;

export function printReport(report: Report): void {
  const groups = new Map<string, string[]>();
  for (const { cell, command, faults } of report.failures) {
    for (const fault of faults) {
      const kind = fault
        .replace(/\/\S*\/|\b[\w.-]+\.(png|tiff?|npy|mat|jpe?g|gif|bmp|webp)\b/g, '…')
        .replace(/\d+/g, 'N');
      groups.set(kind, [...(groups.get(kind) ?? []), `${cell} (${command}): ${fault}`]);
    }
  }
  for (const [, cells] of [...groups].sort(([, a], [, b]) => b.length - a.length)) {
    console.log(`\n${cells.length} x`);
    for (const cell of cells.slice(0, maxNamed)) console.log(`  ${cell}`);
    if (cells.length > maxNamed) console.log(`  and ${cells.length - maxNamed} more`);
  }
  for (const disagreement of report.disagreements) console.log(`the generator is wrong: ${disagreement}`);
  const { numCells, numVerdicts, failures, numLeftOut, seconds } = report;
  console.log(
    `\n${listOf(report.cellsByPart)}; kinds: ${listOf(report.kinds)}; held against ${listOf(report.checks)}`,
  );
  console.log(
    `${numCells} cells, ${numVerdicts} checks of commands, ${failures.length} failures, ${numLeftOut} left out, ${seconds} s`,
  );
}

const listOf = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
