/**
 * A report's material, from a run folder alone: of a run that goes on, has ended or was killed. What is missing or damaged
 * there costs its own part of the report and is named; only a folder that holds no run is refused.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { numSteps, UserError } from '@unet-fleet/law';
import {
  DamagedCheckpoint,
  type Evaluation,
  type EvaluationStore,
  interventionsOf,
  type LedgerSummary,
  listCheckpoints,
  openEvaluations,
  readLedger,
  readManifest,
  runPaths,
  StepSamples,
  standingEventsIn,
  stateOf,
  summarize,
} from '@unet-fleet/record';
import { RunHistory } from '../history/run-history.ts';
import { courseOf } from './course.ts';
import { masksOf } from './masks.ts';
import type { Report } from './report.ts';

/** What reads a ledger has all of it in memory. */
const maxLedgerBytes = 512 * 1024 * 1024;

/** Throws a UserError if the folder holds no run. */
export async function gatherReport(runDir: string, version: string): Promise<Report> {
  const run = new RunHistory(runDir);
  // Asked first: a run whose end comes while its course is read is not taken for one that was interrupted.
  const state = stateOf(runDir, false);
  await run.refresh();
  const history = await run.history();
  const course = courseOf(standingEventsIn(runPaths(runDir).metrics));
  const evaluations = openEvaluations(runDir);
  const evaluation = await evaluationOf(evaluations, history.evaluatedSteps, history.best?.step ?? null);
  const missing: string[] = [];
  const orMissing = <T>(read: () => T, nothing: T): T => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      missing.push(`${error.message.replace(/\.$/, '')}.`);
      return nothing;
    }
  };
  const masks = evaluation && (await masksOf(run, evaluations, evaluation, history.evaluatedSteps));
  if (masks && masks.withoutPhotos !== '') missing.push(masks.withoutPhotos);
  return {
    name: run.name,
    version,
    madeAt: new Date().toISOString(),
    folder: run.folder,
    history,
    course,
    isRunning: state === 'running' && !run.course.hasFinished,
    evaluation,
    masks,
    ledger: orMissing(() => ledgerOf(run), null),
    interventions: orMissing(() => interventionsOf(runDir), []),
    checkpoint: newestManifest(runPaths(runDir).checkpoints),
    numDamagedLines: run.numDamagedLines,
    missing,
  };
}

/** The best one that can be read, or else the last one. */
async function evaluationOf(
  evaluations: EvaluationStore,
  steps: readonly number[],
  best: number | null,
): Promise<Evaluation | null> {
  const wanted = best !== null && steps.includes(best) ? [best] : [];
  // A damaged one is rare; a folder full of them is not looked through.
  for (const step of [...wanted, ...steps.toReversed().slice(0, 10)]) {
    const evaluation = await evaluations.read(step);
    if (evaluation) return evaluation;
  }
  return null;
}

function ledgerOf({ runDir, folder, plan }: RunHistory): LedgerSummary | null {
  const { ledger } = runPaths(runDir);
  const size = statSync(ledger, { throwIfNoEntry: false })?.size ?? 0;
  if (size > maxLedgerBytes) {
    throw new UserError('The ledger is too large to be summarised here: unet-fleet ledger shows it');
  }
  const samples = new StepSamples(plan, folder.split.train);
  const last = numSteps(plan);
  return summarize(readLedger(ledger), (step) => (step <= last ? samples.ofStep(step) : []));
}

function newestManifest(checkpoints: string): Report['checkpoint'] {
  for (const name of checkpointsIn(checkpoints)) {
    try {
      return readManifest(join(checkpoints, name));
    } catch (error) {
      if (!(error instanceof DamagedCheckpoint)) throw error;
    }
  }
  return null;
}

/** Newest first; none where the folder is missing. */
function checkpointsIn(checkpoints: string): string[] {
  try {
    readdirSync(checkpoints);
  } catch {
    return [];
  }
  return listCheckpoints(checkpoints);
}
