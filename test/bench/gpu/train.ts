/** A run of `unet-fleet train` as a person starts it, and what became of it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { RunEvent } from '@unet-fleet/law';
import { eventsIn } from '@unet-fleet/record';
import { script } from '../../chaos/command.ts';

export type Step = Extract<RunEvent, { type: 'step' }>;

export interface Ended {
  exitCode: number | null;
  /** The last line of what it said. */
  lastLine: string;
  wallMs: number;
}

export interface Trained extends Ended {
  events: RunEvent[];
  steps: Step[];
  /** '' where the run did not end well. */
  weightsSha256: string;
}

/** Runs the command with these arguments to its end. */
export function command(args: readonly string[]): Promise<Ended> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) =>
      resolve({
        exitCode,
        lastLine:
          said
            .trim()
            .split(/[\r\n]+/)
            .at(-1) ?? '',
        wallMs: performance.now() - startMs,
      }),
    );
  });
}

/** Trains into `folder`. */
export async function train(folder: string, flags: readonly string[]): Promise<Trained> {
  const ended = await command(['train', '--run-dir', folder, '--dashboard', 'false', ...flags]);
  const events = [...eventsIn(join(folder, 'metrics.jsonl'))] as RunEvent[];
  const finished = events.find((event) => event.type === 'finished');
  return {
    ...ended,
    events,
    steps: events.filter((event): event is Step => event.type === 'step'),
    weightsSha256: finished?.weightsSha256 ?? '',
  };
}
