/** Deals cells out to processes that look at them, and starts another after a cell that hung or killed one. */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Cell } from './cell.ts';
import type { Task } from './child.ts';

/** What one command made of one cell. */
export interface Verdict {
  cell: string;
  command: string;
  /** Sentences; none where all is right; null where there was no time for it. */
  faults: string[] | null;
  seconds: number;
}

const script = fileURLToPath(new URL('./child.js', import.meta.url));
/** A cell takes a fraction of a second; a machine may be busy. */
const patienceMs = 60_000;

export async function judgeAll(
  cells: readonly Cell[],
  root: string,
  deadlineMs: number,
  tell: (text: string) => void,
): Promise<Verdict[]> {
  const open = [...cells];
  const verdicts: Verdict[] = [];
  const worker = async () => {
    let child: ChildProcess | null = null;
    for (let cell = open.shift(); cell !== undefined; cell = open.shift()) {
      const startMs = performance.now();
      if (startMs > deadlineMs) {
        verdicts.push({ cell: cell.name, command: 'inspect', faults: null, seconds: 0 });
        continue;
      }
      child ??= fork(script, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
      const faults = await answerOf(child, { cell, root });
      if (child.exitCode !== null || child.signalCode !== null) child = null;
      verdicts.push({
        cell: cell.name,
        command: 'inspect',
        faults,
        seconds: (performance.now() - startMs) / 1000,
      });
      if (verdicts.length % 200 === 0) tell(`${verdicts.length} of ${cells.length} cells looked at`);
    }
    child?.kill();
  };
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, worker));
  return verdicts;
}

/** The faults of a cell. Whatever ends the process, or keeps it, is one. */
function answerOf(child: ChildProcess, task: Task): Promise<string[]> {
  return new Promise((resolve) => {
    let stderr = '';
    const keep = (text: Buffer) => {
      stderr = (stderr + text).slice(-2000);
    };
    const end = (faults: string[]) => {
      clearTimeout(timer);
      child.off('message', end).off('exit', died);
      child.stderr!.off('data', keep);
      resolve(faults);
    };
    const died = (code: number | null, signal: string | null) =>
      end([`the process ends (${signal ?? code}): ${stderr.trim()}`]);
    const timer = setTimeout(() => {
      child.off('exit', died);
      child.once('exit', () => end([`no answer in ${patienceMs / 1000} s`]));
      child.kill('SIGKILL');
    }, patienceMs);
    child.stderr!.on('data', keep);
    child.on('message', end).on('exit', died);
    child.send(task);
  });
}
