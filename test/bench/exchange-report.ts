/** The figures of `pnpm bench:exchange`, cell by cell, as a table of efficiencies, or as JSON. */
import type { StepTimings } from '@unet-fleet/law';
import { type Machine, machineText } from './machine.ts';
import { median, type Spread, spreadOf } from './spread.ts';

export type Carrier = 'shared' | 'nats';

export interface Cell {
  leafMs: number;
  numWorkers: number;
  carrier: Carrier | 'pytorch';
  wire: string;
  /** Why it was not measured; null where it was. */
  leftOut: string | null;
  /** By round. */
  steps: { stepMs: number; timings: StepTimings | null; peakMb: number }[];
}

interface Workload {
  baseWidth: number;
  numClasses: number;
  numRounds: number;
}

interface Figures {
  stepMs: Spread;
  /** Time of the leaf over that of the step. */
  efficiency: Spread;
  /** To that of PyTorch's pretence in the same round; null beside none. */
  ratio: Spread | null;
}

const efficienciesOf = ({ leafMs, steps }: Cell): number[] => steps.map(({ stepMs }) => leafMs / stepMs);

function figuresOf(cell: Cell, all: readonly Cell[]): Figures | null {
  if (cell.steps.length === 0) return null;
  const { leafMs, numWorkers, wire, steps } = cell;
  const yardstick = all.find(
    (other) =>
      other.carrier === 'pytorch' &&
      other !== cell &&
      other.leafMs === leafMs &&
      other.numWorkers === numWorkers &&
      other.wire === wire,
  );
  const ratios = (yardstick?.steps ?? []).map(({ stepMs }, round) => stepMs / steps[round]!.stepMs);
  return {
    stepMs: spreadOf(steps.map(({ stepMs }) => stepMs)),
    efficiency: spreadOf(efficienciesOf(cell)),
    ratio: ratios.length > 0 ? spreadOf(ratios) : null,
  };
}

const partOf = ({ steps }: Cell, name: keyof StepTimings): number | null => {
  const parts = steps.flatMap(({ timings }) => timings?.[name] ?? []);
  return parts.length > 0 ? median(parts) : null;
};

const peakOf = ({ steps }: Cell): number => Math.max(...steps.map(({ peakMb }) => peakMb));

export const exchangeAsJson = (machine: Machine, workload: Workload, all: readonly Cell[]) => ({
  ...{ machine, ...workload },
  cells: all.map((cell) => ({
    ...{ leafMs: cell.leafMs, numWorkers: cell.numWorkers, carrier: cell.carrier, wire: cell.wire },
    leftOut: cell.leftOut,
    ...figuresOf(cell, all),
    ...{ sendMs: partOf(cell, 'sendMs'), reduceMs: partOf(cell, 'reduceMs') },
    ...{ optimizeMs: partOf(cell, 'optimizeMs'), fetchMs: partOf(cell, 'fetchMs') },
    peakMb: cell.steps.length > 0 ? peakOf(cell) : null,
  })),
});

const workersText = (count: number): string => `${count} worker${count > 1 ? 's' : ' '}`;

export const named = ({ leafMs, numWorkers, carrier, wire }: Cell): string =>
  `${`${leafMs}`.padStart(4)} ms a leaf, ${workersText(numWorkers)}, ${carrier.padEnd(7)} ${wire}`;

/** One line. */
export function cellText(cell: Cell): string {
  const figures = figuresOf(cell, [cell]);
  if (!figures) return `${named(cell)}  left out: ${cell.leftOut}`;
  const { median, least, most } = figures.stepMs;
  const parts = (['sendMs', 'reduceMs', 'optimizeMs', 'fetchMs'] as const).flatMap((name) => {
    const ms = partOf(cell, name);
    return ms === null ? [] : [`${name.slice(0, -'Ms'.length)} ${ms.toFixed(0)}`];
  });
  return [
    named(cell),
    `step ${median.toFixed(0).padStart(5)} ms (${least.toFixed(0)} to ${most.toFixed(0)})`,
    `efficiency ${figures.efficiency.median.toFixed(2)}`,
    ...parts,
    `peak ${peakOf(cell).toFixed(0)} MB`,
  ].join('  ');
}

/** A row for each carrier, wire format and number of workers; a column for each time of a leaf. */
export function exchangeTable(machine: Machine, workload: Workload, all: readonly Cell[]): string {
  const leaves = [...new Set(all.map(({ leafMs }) => leafMs))];
  const rows = new Map<string, Map<number, Cell>>();
  for (const cell of all) {
    const name = `${cell.carrier} ${cell.wire}, ${workersText(cell.numWorkers)}`;
    rows.set(name, (rows.get(name) ?? new Map<number, Cell>()).set(cell.leafMs, cell));
  }
  const lines = [['', ...leaves.map((ms) => `${ms} ms a leaf`)]];
  for (const [name, row] of rows) lines.push([name, ...leaves.map((ms) => tableText(row.get(ms)!, all))]);
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const shown = lines.map((line) => `| ${line.map((text, i) => text.padEnd(widths[i]!)).join(' | ')} |`);
  shown.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  const { baseWidth, numClasses, numRounds } = workload;
  return [
    machineText(machine),
    `U-Net, base width ${baseWidth}, ${numClasses} classes; efficiency: median of ${numRounds} rounds (least to most); after`,
    "the stroke, how many times as short the step is as that of PyTorch's pretence in the same round",
    '',
    ...shown,
  ].join('\n');
}

function tableText(cell: Cell, all: readonly Cell[]): string {
  const figures = figuresOf(cell, all);
  if (!figures) return 'left out';
  const { efficiency, ratio } = figures;
  const shown = `${two(efficiency.median)} (${two(efficiency.least)} to ${two(efficiency.most)})`;
  return ratio ? `${shown} / ${two(ratio.median)}` : shown;
}

const two = (value: number): string => value.toFixed(2);
