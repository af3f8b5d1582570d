/** What a ledger comes to: who did how much, what went wrong, which leaves stand out. Pure. */
import { initialNorms, leavesOf, outliersOf, type Step } from '@unet-fleet/law';
import type { LedgerContents } from './ledger.ts';
import type { LedgerLine } from './ledger-line.ts';

export interface WorkerShare {
  worker: string;
  numLeaves: number;
  /** Of all leaves, between 0 and 1. */
  share: number;
  numAnswers: number;
  numBytes: number;
  /** Median of its answers, since their steps began. */
  arrivedMs: number;
}

/** A leaf that somebody should look at, with who computed it and what from. */
export interface NotableLeaf {
  step: Step;
  leaf: number;
  worker: string;
  samples: string[];
}

export interface LedgerSummary {
  numSteps: number;
  firstStep: number;
  lastStep: number;
  /** Steps between the first and the last that have no line. */
  missing: { first: number; last: number }[];
  /** Starts of a coordinator that committed something. */
  numStarts: number;
  numDamagedLines: number;
  numStaleLines: number;
  numLeaves: number;
  numBytes: number;
  totalMs: number;
  medianStepMs: number;
  workers: WorkerShare[];
  rejected: { worker: string; reason: string; count: number }[];
  /** Leaves that were leased again, by whose they were and why. */
  repeated: { worker: string; reason: string; numLeaves: number; steps: number[] }[];
  skipped: NotableLeaf[];
  /** Leaves whose mean gradient is far larger than those before. */
  outliers: (NotableLeaf & { norm: number; median: number })[];
}

/** Steps listed for a repeated lease: the rest is in the file. */
const maxListedSteps = 20;

/** `samplesOf`: ids of the samples of each leaf of a step, counted from 1. Null when there is no line. */
export function summarize(
  { lines, numDamaged, numStale }: LedgerContents,
  samplesOf: (step: Step) => string[][],
): LedgerSummary | null {
  const [first, last] = [lines[0], lines.at(-1)];
  if (!first || !last) return null;
  const notable = (line: LedgerLine, leaf: number): NotableLeaf => ({
    step: line.step,
    leaf,
    worker: workerOf(line, leaf),
    samples: samplesOf(line.step)[leaf] ?? [],
  });
  const numLeaves = sum(lines.map((line) => line.numLeaves));
  return {
    numSteps: lines.length,
    firstStep: first.step,
    lastStep: last.step,
    missing: missingSteps(lines),
    numStarts: new Set(lines.map(({ term }) => term)).size,
    numDamagedLines: numDamaged,
    numStaleLines: numStale,
    numLeaves,
    numBytes: sum(lines.map((line) => line.numBytes)),
    totalMs: sum(lines.map(({ durationMs }) => durationMs)),
    medianStepMs: medianOf(lines.map(({ durationMs }) => durationMs)),
    workers: workerShares(lines, numLeaves),
    rejected: rejections(lines),
    repeated: repetitions(lines),
    skipped: lines.flatMap((line) => line.skippedLeaves.map((leaf) => notable(line, leaf))),
    outliers: outliersIn(lines).map(({ line, leaf, norm, median }) => ({
      ...notable(line, leaf),
      norm,
      median,
    })),
  };
}

export function workerOf({ answers, numLeaves }: LedgerLine, leaf: number): string {
  return answers.find(({ node }) => leavesOf(node, numLeaves).includes(leaf))?.worker ?? '';
}

function missingSteps(lines: LedgerLine[]): { first: number; last: number }[] {
  return lines.flatMap(({ step }, i) => {
    const before = lines[i - 1]?.step ?? step - 1;
    return before < step - 1 ? [{ first: before + 1, last: step - 1 }] : [];
  });
}

function workerShares(lines: LedgerLine[], numLeaves: number): WorkerShare[] {
  const answers = lines.flatMap((line) => line.answers);
  return Array.from(
    grouped(answers, ({ worker }) => worker),
    ([worker, own]) => {
      const leaves = sum(own.map((answer) => answer.leaves.length));
      return {
        worker,
        numLeaves: leaves,
        share: numLeaves > 0 ? leaves / numLeaves : 0,
        numAnswers: own.length,
        numBytes: sum(own.map(({ numBytes }) => numBytes)),
        arrivedMs: medianOf(own.map(({ arrivedMs }) => arrivedMs)),
      };
    },
  ).sort((a, b) => b.numLeaves - a.numLeaves);
}

function rejections(lines: LedgerLine[]): LedgerSummary['rejected'] {
  const all = lines.flatMap(({ rejected }) => rejected);
  return Array.from(
    grouped(all, ({ worker, reason }) => JSON.stringify([worker, reason])).values(),
    (own) => ({
      worker: own[0]!.worker,
      reason: own[0]!.reason,
      count: sum(own.map(({ count }) => count)),
    }),
  ).sort((a, b) => b.count - a.count);
}

function repetitions(lines: LedgerLine[]): LedgerSummary['repeated'] {
  const all = lines.flatMap(({ step, repeated }) => repeated.map((entry) => ({ ...entry, step })));
  return Array.from(
    grouped(all, ({ worker, reason }) => JSON.stringify([worker, reason])).values(),
    (own) => ({
      worker: own[0]!.worker,
      reason: own[0]!.reason,
      numLeaves: sum(own.map(({ leaves }) => leaves.length)),
      steps: [...new Set(own.map(({ step }) => step))].slice(0, maxListedSteps),
    }),
  ).sort((a, b) => b.numLeaves - a.numLeaves);
}

function outliersIn(lines: LedgerLine[]) {
  let history = initialNorms();
  return lines.flatMap((line) => {
    const leaves = line.answers
      .toSorted((a, b) => leavesOf(a.node, line.numLeaves)[0]! - leavesOf(b.node, line.numLeaves)[0]!)
      .flatMap((answer) => answer.leaves);
    const judged = outliersOf(history, leaves);
    history = judged.history;
    return judged.outliers.map((outlier) => ({ line, ...outlier }));
  });
}

function grouped<T>(items: T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

const sum = (numbers: number[]): number => numbers.reduce((total, value) => total + value, 0);

/** The upper of the middle two where their count is even; 0 of none. */
const medianOf = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
