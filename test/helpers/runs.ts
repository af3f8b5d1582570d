/** Runs on a small generated set: what to call, what they recorded about themselves, and what became of them. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RunOutcome } from '@unet-fleet/coordinator';
import { generateSample } from '@unet-fleet/dataset';
import type { RunEvent } from '@unet-fleet/law';
import { eventsIn } from '@unet-fleet/record';
import { type Ended, type Started, until } from './processes.ts';

/** Draws a set and returns the flags that name it. */
export async function sampleFlags(folder: string, numImages: number): Promise<string[]> {
  const set = await generateSample(folder, { numImages, width: 48, height: 64 });
  return ['--images', set.images, '--masks', set.masks, '--class-names', set.classNames];
}

interface Read {
  /** Of the file that was read: another one lies there, or it has grown, where these differ. */
  state: string;
  events: RunEvent[];
}

const lastRead = new Map<string, Read>();

/**
 * What the run has recorded so far. Whoever waits for an event asks every few milliseconds, beside the run's own
 * processes: the file is read again when it has changed.
 */
export function eventsOf(runDir: string): readonly RunEvent[] {
  const path = join(runDir, 'metrics.jsonl');
  const status = statSync(path, { throwIfNoEntry: false });
  const state = status ? `${status.ino} ${status.size} ${status.mtimeMs}` : '';
  const last = lastRead.get(path);
  if (last?.state === state) return last.events;
  const events = [...eventsIn(path)] as RunEvent[];
  lastRead.set(path, { state, events });
  return events;
}

type StepEvent = Extract<RunEvent, { type: 'step' }>;

/**
 * Of each step all that training decides, without what timing does: equal in two runs exactly if they went the same
 * way.
 */
export const courseOf = (runDir: string) =>
  eventsOf(runDir)
    .filter((event): event is StepEvent => event.type === 'step')
    .map(({ step, epoch, numImages, loss, learningRate, gradientNorm }) => ({
      step,
      epoch,
      numImages,
      loss,
      learningRate,
      gradientNorm,
    }));

/** Waits until the run records such an event. */
export const recorded = (
  process: Started,
  runDir: string,
  what: string,
  isWanted: (event: RunEvent) => boolean,
): Promise<RunEvent> => until(process, what, () => eventsOf(runDir).find(isWanted));

/** Waits until the n-th commit of the run. */
export const committed = (process: Started, runDir: string, step: number): Promise<RunEvent> =>
  recorded(process, runDir, `step ${step}`, (event) => event.type === 'step' && event.step >= step);

/** What a run with --json printed at its end. Throws, with all it said, if it failed. */
export function outcomeOf({ code, stdout, stderr }: Ended): RunOutcome {
  if (code !== 0 && code !== 4) throw new Error(`the run ended with exit code ${code}:\n${stderr}`);
  return JSON.parse(stdout) as RunOutcome;
}

/** The carrier of bulk values that the run's log names: a folder on tmpfs, or null for NATS. */
export function sharedMemoryOf(runDir: string): string | null {
  const lines = readFileSync(join(runDir, 'log.jsonl'), 'utf8').trim().split('\n');
  const started = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'run started');
  return started.sharedMemory ?? null;
}
