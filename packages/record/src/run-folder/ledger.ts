/**
 * ledger.jsonl: one line for each committed step, saying who delivered what, with hashes that a replay can compare.
 * What it keeps true: a step's line is never there before its commit, steps that a resumed run computes again are
 * dropped first, and a disk that fails costs no line that fits into memory until it is back.
 */
import { commitMoment, firstLeaf, type Moment, nodeKey, type StepRecord } from '@unet-fleet/law';
import { explained, SteadyFile } from '@unet-fleet/shared';
import { keepLines, linesOf } from './json-lines.ts';
import { type LedgerLine, ledgerLine, numbersSha256 } from './ledger-line.ts';
import type { StepHashes } from './step-hashes.ts';
import { type StepSamples, samplesSha256 } from './step-samples.ts';

export interface LedgerOptions {
  /** Of the coordinator that writes. */
  term: number;
  samples: StepSamples;
  /** Whether this coordinator still has the run's lock. */
  mayWrite(): boolean;
  onWarning(message: string): void;
}

export class Ledger {
  readonly #file: SteadyFile;
  readonly #options: LedgerOptions;
  #written: Promise<void> = Promise.resolve();

  /**
   * Opens the file for appending, dropping the lines of steps after `reached` (0 for a new run) and a cut last line.
   * Throws a UserError if it can't be written.
   */
  constructor(path: string, reached: Moment, options: LedgerOptions) {
    this.#options = options;
    const { mayWrite, onWarning } = options;
    const inWords = (error: unknown): Error => explained(error, { what: 'its ledger', path: path }) as Error;
    // A line that nobody can read is kept: those after it are none the worse for it.
    const isEarlier = (value: unknown): boolean =>
      commitMoment(ledgerLine.safeParse(value).data?.step ?? 0) <= reached;
    try {
      keepLines(path, isEarlier);
      this.#file = new SteadyFile(path, {
        mayWrite,
        onTrouble: (error) =>
          onWarning(`${inWords(error).message}; the run goes on, and its ledger waits in memory`),
        onRecovered: (numLost) => {
          const lost = numLost > 0 ? `; ${numLost} steps did not fit into memory and are lost` : '';
          onWarning(`${path} is written again${lost}`);
        },
      });
    } catch (error) {
      throw inWords(error);
    }
  }

  /** Writes the step's line once its hashes are there, after the lines before it. Never throws. */
  append(record: StepRecord, hashes: Promise<StepHashes>): void {
    const at = new Date().toISOString();
    // It is awaited in its turn; a failure before that is no unhandled one.
    hashes.catch(() => {});
    this.#written = this.#written.then(async () => {
      try {
        this.#file.append(`${JSON.stringify(this.#lineOf(at, record, await hashes))}\n`);
      } catch (error) {
        // A reducer has ended, which ends the run in its own words.
        this.#options.onWarning(`the ledger misses step ${record.step}: ${(error as Error).message}`);
      }
    });
  }

  /** Resolves when all lines so far are handed to the system. */
  flush(): Promise<void> {
    return this.#written;
  }

  async close(): Promise<void> {
    await this.#written;
    this.#file.close();
  }

  #lineOf(at: string, { answers, firstPass, ...facts }: StepRecord, hashes: StepHashes): LedgerLine {
    const delivered = new Map(hashes.nodes.map((node) => [nodeKey(node.node), node]));
    const names = new Map(answers.map(({ workerId, worker }) => [workerId, worker]));
    const nameOf = (peer: string): string => names.get(peer) ?? peer;
    const counted = answers.map(({ leaves, ...answer }) => {
      const { sha256 = null, numBytes = 0, peers = [] } = delivered.get(nodeKey(answer.node)) ?? {};
      delivered.delete(nodeKey(answer.node));
      const alsoFrom = peers.filter((peer) => peer !== answer.workerId).map(nameOf);
      return { ...answer, sha256, numBytes, alsoFrom, leaves };
    });
    return {
      version: 2,
      at,
      term: this.#options.term,
      ...facts,
      hashKey: hashes.hashKey,
      gradientSha256: hashes.gradientSha256,
      samplesSha256: samplesSha256(this.#options.samples.ofStep(facts.step)),
      numBytes: hashes.nodes.reduce((sum, { numBytes }) => sum + numBytes, 0),
      ...(firstPass && { firstPass: firstPassLine(firstPass) }),
      answers: counted,
      parts: Array.from(delivered.values(), ({ node, peers }) => ({ node, from: peers.map(nameOf) })),
    };
  }
}

const firstPassLine = ({
  totals,
  skippedLeaves,
  answers,
}: NonNullable<StepRecord['firstPass']>): LedgerLine['firstPass'] => ({
  totalsSha256: numbersSha256(totals),
  skippedLeaves,
  answers: answers.map(({ node, leaves: [sums], ...answer }) => ({
    leaf: firstLeaf(node),
    ...answer,
    sha256: sums?.addends ? numbersSha256(sums.addends) : null,
  })),
});

export interface LedgerContents {
  /** One for each step, in order. */
  lines: LedgerLine[];
  /** Lines that are none of the ledger's. */
  numDamaged: number;
  /** Lines of a coordinator that another one had replaced. */
  numStale: number;
}

/**
 * Reads a ledger, whatever is in it. Where two coordinators have written, as when one was thought dead, the one with
 * the higher term counts from its first step on. A missing file has no lines.
 */
export function readLedger(path: string): LedgerContents {
  const steps = new Map<number, LedgerLine>();
  let numDamaged = 0;
  let numStale = 0;
  let term = 0;
  for (const { value } of linesOf(path)) {
    // Most of what is no line is no JSON either, and need not be told what it lacks.
    const line = value === undefined ? undefined : ledgerLine.safeParse(value).data;
    if (!line) {
      numDamaged++;
      continue;
    }
    if (line.term < term) {
      numStale++;
      continue;
    }
    if (line.term > term) {
      for (const step of steps.keys()) {
        if (step < line.step) continue;
        steps.delete(step);
        numStale++;
      }
      term = line.term;
    }
    steps.set(line.step, line);
  }
  const lines = [...steps.values()].sort((a, b) => a.step - b.step);
  return { lines, numDamaged, numStale };
}
