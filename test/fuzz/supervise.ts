/**
 * Runs readers over many inputs in a process of their own, with limits on memory and time, and starts another after the
 * input that hung or killed it. What it keeps true: every input is read, and every fault has the input's number.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Job, Report, Task } from './child.ts';

export interface Limits {
  /** Processor time of one input. */
  maxMs: number;
  /** Memory that one input takes beyond what was there before. */
  maxMegabytes: number;
  /** Processor time without a sign of life; with none used, ten times as much on the clock. */
  hangMs: number;
  /** Of the whole process. */
  maxProcessMegabytes: number;
}

export const defaultLimits: Limits = {
  maxMs: 1_000,
  maxMegabytes: 256,
  hangMs: 10_000,
  maxProcessMegabytes: 2_048,
};

export interface Finding {
  index: number;
  fault: string;
}

export interface Outcome {
  reader: string;
  numInputs: number;
  accepted: number;
  rejected: number;
  worstMs: number;
  worstMegabytes: number;
  findings: Finding[];
}

const child = fileURLToPath(new URL('./child.js', import.meta.url));
/** More than this many are one fault many times over. */
const maxFindings = 200;

const newOutcome = (reader: string, numInputs: number): Outcome => ({
  reader,
  numInputs,
  accepted: 0,
  rejected: 0,
  worstMs: 0,
  worstMegabytes: 0,
  findings: [],
});

/** Reads inputs 0 to numInputs - 1 of each reader, one after the other. */
export async function fuzzReaders(
  wanted: { reader: string; numInputs: number }[],
  seed: number,
  limits: Limits = defaultLimits,
): Promise<Outcome[]> {
  const outcomes = wanted.map(({ reader, numInputs }) => newOutcome(reader, numInputs));
  let jobs: Job[] = wanted.map(({ reader, numInputs }) => ({ reader, from: 0, to: numInputs }));
  while (jobs.length > 0) {
    const folder = temporaryFolder();
    try {
      const { maxMs, maxMegabytes } = limits;
      jobs = await runChild({ jobs, seed, folder, maxMs, maxMegabytes }, limits, outcomes);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  for (const outcome of outcomes) outcome.findings = uniqueByIndex(outcome.findings);
  return outcomes;
}

const uniqueByIndex = (findings: Finding[]): Finding[] =>
  Array.from(new Map(findings.map((finding) => [finding.index, finding])).values());

/** In memory where there is such a disk: some readers open files themselves. */
function temporaryFolder(): string {
  for (const parent of ['/dev/shm', tmpdir()]) {
    try {
      const folder = mkdtempSync(join(parent, 'unet-fleet-fuzz-'));
      // Also when this process is told to end.
      process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
      return folder;
    } catch {
      // The next one.
    }
  }
  throw new Error('there is no folder for temporary files');
}

/** Returns what is left to do after the input that ended the process before its time. */
async function runChild(task: Task, limits: Limits, outcomes: Outcome[]): Promise<Job[]> {
  const args = ['--expose-gc', '--max-old-space-size=512', child, JSON.stringify(task)];
  const running = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  let outcome: Outcome | null = null;
  let current = 0;
  let killedFor = '';
  let stderr = '';
  let heardMs = performance.now();
  let heardProcessorMs = 0;
  let heardSomething = false;
  running.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4_000);
  });
  createInterface({ input: running.stdio[3] as Readable }).on('line', (line) => {
    heardMs = performance.now();
    heardSomething = true;
    if (!line.startsWith('{')) {
      current = Number(line);
      return;
    }
    const event = JSON.parse(line) as Report;
    if (event.type === 'reader') outcome = outcomes.find(({ reader }) => reader === event.reader) ?? null;
    else take(event, outcome!);
  });
  const kill = (reason: string) => {
    killedFor ||= reason;
    running.kill('SIGKILL');
  };
  const watchdog = setInterval(() => {
    if (heardSomething) heardProcessorMs = processorMsOf(running.pid!);
    heardSomething = false;
    const silentMs = performance.now() - heardMs;
    const busyMs = processorMsOf(running.pid!) - heardProcessorMs;
    if (busyMs > limits.hangMs || silentMs > 10 * limits.hangMs) {
      kill(`hangs: nothing in ${Math.round(busyMs)} ms of processor time, ${Math.round(silentMs)} ms in all`);
    }
    const megabytes = residentMegabytes(running.pid!);
    if (megabytes > limits.maxProcessMegabytes) kill(`takes ${Math.round(megabytes)} MB`);
    if ((outcome?.findings.length ?? 0) >= maxFindings) kill('there are enough findings');
  }, 50);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    running.on('error', reject);
    running.on('close', (...ended) => resolve(ended));
  });
  clearInterval(watchdog);
  if (code === 0) return [];
  const { reader, findings } = (outcome as Outcome | null) ?? startFailed(stderr, killedFor);
  findings.push({ index: current, fault: killedFor || `ends the process (${signal ?? code}): ${stderr}` });
  const left = task.jobs.slice(task.jobs.findIndex((job) => job.reader === reader));
  const [first, ...others] = left as [Job, ...Job[]];
  const isOver = current + 1 >= first.to || findings.length >= maxFindings;
  return isOver ? others : [{ ...first, from: current + 1 }, ...others];
}

function startFailed(stderr: string, killedFor: string): never {
  throw new Error(`the process that reads the inputs does not start: ${killedFor} ${stderr}`);
}

function take(event: Exclude<Report, { type: 'reader' }>, outcome: Outcome): void {
  if (event.type === 'finding') {
    outcome.findings.push({ index: event.index, fault: event.fault });
    return;
  }
  outcome.accepted += event.accepted;
  outcome.rejected += event.rejected;
  outcome.worstMs = Math.max(outcome.worstMs, event.worstMs);
  outcome.worstMegabytes = Math.max(outcome.worstMegabytes, event.worstMegabytes);
}

const ticksPerSecond = 100;

/** Fields 14 and 15 of /proc/<pid>/stat; the second, in parentheses, may contain spaces. */
function processorMsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return ((user! + system!) / ticksPerSecond) * 1000;
  } catch {
    return 0;
  }
}

const pageBytes = 4096;

function residentMegabytes(pid: number): number {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes) / 2 ** 20;
  } catch {
    return 0;
  }
}
