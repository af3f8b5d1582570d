/** What a run leaves behind, and what to do next. Pure: the caller says which files there are. */
import type { RunEvent } from '@unet-fleet/law';
import { counted, duration, facts, lossText, shareText } from './format.ts';
import type { RunProgress } from './progress.ts';

type Finished = Extract<RunEvent, { type: 'finished' }>;

/** How a user in the clone's root calls the command. */
export const program = 'npx unet-fleet';

/** `argument` as it must be typed in a shell. */
export const quoted = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;

export const resumeCommand = (command: 'train' | 'coordinator', runDir: string): string =>
  `${program} ${command} --resume --run-dir ${quoted(runDir)}`;

/** For rows that are copied: a command that is broken into lines is none. */
export const unwrapped = Number.POSITIVE_INFINITY;

export interface SummaryOptions {
  command: 'train' | 'coordinator';
  runDir: string;
  /** Of the whole run; null before its first validation. */
  best: { step: number; loss: number; meanIou: number } | null;
  /** Label and path of what can be looked at. */
  files: (readonly [string, string])[];
}

export function summaryLines(
  progress: RunProgress,
  finished: Finished,
  nowMs: number,
  { command, runDir, best, files }: SummaryOptions,
): { title: string; rows: string[] } {
  const took = duration(nowMs - progress.startedAtMs);
  const { numStepsBefore } = progress;
  const now = numStepsBefore > 0 ? ` (${finished.step - numStepsBefore} since it was resumed)` : '';
  const steps = `${counted(finished.step, 'step')}${now}`;
  const title = {
    completed: `finished: ${steps} in ${took}`,
    'early-stopping': `finished early, because validation no longer improved: ${steps} in ${took}`,
    stopped: `stopped after ${steps}, nothing is lost`,
  }[finished.reason];
  const rows: (readonly [string, string])[] = [];
  if (best) {
    const figures = `validation loss ${lossText(best.loss)}, mean IoU ${shareText(best.meanIou)}`;
    rows.push(['best', `${figures}, at step ${best.step}`]);
  }
  rows.push(['weights', `sha256 ${finished.weightsSha256}`]);
  rows.push(...files);
  const next: (readonly [string, string])[] =
    finished.reason === 'stopped'
      ? [['resume', resumeCommand(command, runDir)]]
      : [
          ['evaluate', `${program} evaluate --run-dir ${quoted(runDir)}`],
          ['predict', `${program} predict --run-dir ${quoted(runDir)} PHOTO-OR-FOLDER`],
        ];
  return { title, rows: facts([...rows, ...next], unwrapped) };
}
