/** `unet-fleet ledger`: who computed what in a run, what was rejected and why, and which leaves stand out. */

import { numSteps, UserError } from '@unet-fleet/law';
import {
  type LedgerSummary,
  openRunFolder,
  plannedOf,
  planOf,
  readLedger,
  runPaths,
  StepSamples,
  samplesSha256,
  summarize,
} from '@unet-fleet/record';
import { Command } from 'commander';
import { wholeArgument } from '../arguments.ts';
import { type Io, printJson } from '../io.ts';
import { addRunName, namedRunDir, type RunNameFlags } from '../run-folders.ts';
import { type LedgerStep, stepLines, summaryLines } from '../terminal/ledger-lines.ts';
import { createScreen } from '../terminal/screen.ts';

interface LedgerFlags extends RunNameFlags {
  step?: number;
  json?: boolean;
}

/** A line with what the plan adds to it. */
export const ledgerCommand = (io: Io): Command =>
  addRunName(new Command('ledger'))
    .option('--step <n>', 'show one step in full', wholeArgument('--step', 1, 0xffffffff))
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  npx unet-fleet ledger runs/0003\n  npx unet-fleet ledger --step 120',
    )
    .action((run: string | undefined, { step, json, ...named }: LedgerFlags) => {
      const runDir = namedRunDir(named, io, run);
      const report = step === undefined ? ledgerSummary(runDir) : ledgerStep(runDir, step);
      if (json) {
        printJson(io, report);
        return;
      }
      const screen = createScreen(io.stdout, io.env);
      const lines = 'samples' in report ? stepLines(report) : summaryLines(report, screen.columns);
      for (const line of lines) screen.print(line);
    });

const samplesIn = (runDir: string): { samples: StepSamples; numSteps: number } => {
  const folder = openRunFolder(runDir);
  const plan = plannedOf(runDir, planOf(folder));
  return { samples: new StepSamples(plan, folder.split.train), numSteps: numSteps(plan) };
};

/** Throws a UserError when the run has no ledger. */
function ledgerSummary(runDir: string): LedgerSummary {
  const { samples, numSteps: last } = samplesIn(runDir);
  const samplesOf = (step: number) => (step <= last ? samples.ofStep(step) : []);
  const summary = summarize(readLedger(runPaths(runDir).ledger), samplesOf);
  if (summary) return summary;
  throw new UserError(
    `${runPaths(runDir).ledger} has no step: the run has committed none, or is of an older version`,
  );
}

/** Throws a UserError when the ledger has no such step. */
function ledgerStep(runDir: string, step: number): LedgerStep {
  const { samples: ids, numSteps: last } = samplesIn(runDir);
  const line = readLedger(runPaths(runDir).ledger).lines.find((candidate) => candidate.step === step);
  if (!line || step > last) throw new UserError(`the ledger of ${runDir} has no step ${step}`);
  const samples = ids.ofStep(step);
  return { ...line, samples, hasOtherSamples: samplesSha256(samples) !== line.samplesSha256 };
}
