/** `unet-fleet status`: what a run is doing, who is awaited, since when and why. */
import { resolve } from 'node:path';
import { type RunStatus, readStatus } from '@unet-fleet/coordinator/run-folder/status';
import { Command } from 'commander';
import { type Io, printJson } from '../io.ts';
import { duration } from '../terminal/format.ts';
import { createScreen } from '../terminal/screen.ts';
import { namedRunDir } from '../trained-run.ts';

/** A coordinator writes once a second. */
const staleMs = 10_000;

export const statusCommand = (io: Io): Command =>
  new Command('status')
    .description('what a run is doing, who is awaited, since when, why, and what happens then')
    .argument('[run]', 'folder of the run; default: the newest')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExample:\n  npx unet-fleet status runs/0003')
    .action((run: string | undefined, { json }: { json?: boolean }) => {
      const status = readStatus(run ? resolve(io.cwd, run) : namedRunDir({}, io));
      if (json) {
        printJson(io, status);
        return;
      }
      const screen = createScreen(io.stdout, io.env);
      for (const line of statusLines(status, new Date())) screen.print(line);
    });

export function statusLines(status: RunStatus, now: Date): string[] {
  const ago = (iso: string) => duration(now.getTime() - Date.parse(iso));
  const ageMs = now.getTime() - Date.parse(status.at);
  const { checkpoint } = status;
  const lines = [
    `run ${status.runId}, start ${status.term}: ${status.state}, step ${status.step} of ${status.numSteps}`,
    checkpoint
      ? `newest checkpoint: step ${checkpoint.step}, ${ago(checkpoint.at)} ago`
      : 'no checkpoint yet in this start',
  ];
  if (status.state !== 'over' && ageMs > staleMs) {
    lines.unshift(
      `this was ${duration(ageMs)} ago: the coordinator (process ${status.pid}) has ended or hangs; ` +
        'continue the run with --resume',
    );
  }
  for (const { name, state, lastSeen, reason } of status.workers) {
    lines.push(
      `worker ${name}: ${state}, heard of ${ago(lastSeen)} ago${reason ? `; failed before: ${reason}` : ''}`,
    );
  }
  for (const { who, what, why, since, until, outcome } of status.awaited) {
    const limit =
      until === null
        ? 'as long as it takes'
        : `for another ${duration(Date.parse(until) - Date.parse(status.at))}`;
    lines.push(`awaited: ${what} from ${who}, for ${ago(since)} (${why}), ${limit}; then ${outcome}`);
  }
  return lines;
}
