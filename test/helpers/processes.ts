/**
 * The built command as real processes: started as a person would, watched by what they print, and never left behind
 * when a test ends or fails.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const script = fileURLToPath(new URL('../../packages/cli/bin/unet-fleet.js', import.meta.url));

export interface Ended {
  /** null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  pid: number;
  /** What it has printed so far, both streams together. */
  said(): string;
  hasEnded(): boolean;
  signal(name: NodeJS.Signals): void;
  ended: Promise<Ended>;
}

export interface StartOptions {
  cwd?: string;
  env?: Record<string, string>;
}

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Options that the developer's shell sets must not reach a test's run; the cache holds the engine. */
const cleanEnv = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith('UNET_FLEET_') || name === 'UNET_FLEET_CACHE',
    ),
  );

/** Starts `unet-fleet` with these arguments. */
export function start(args: readonly string[], { cwd, env = {} }: StartOptions = {}): Started {
  const child = spawn(process.execPath, [script, ...args], {
    cwd,
    env: { ...cleanEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      running.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
  return {
    pid: child.pid!,
    said: () => stdout + stderr,
    hasEnded: () => !running.has(child),
    signal: (name) => void child.kill(name),
    ended,
  };
}

/** Runs `unet-fleet` with these arguments to its end. */
export const unetFleet = (args: readonly string[], options?: StartOptions): Promise<Ended> =>
  start(args, options).ended;

/** Resolves as soon as `look` gives something; rejects when the process ends before, with what it said. */
export async function until<T>(process: Started, what: string, look: () => T | undefined): Promise<T> {
  for (;;) {
    // Asked before the look: what a process did last is still seen.
    const isOver = process.hasEnded();
    const found = look();
    if (found !== undefined) return found;
    if (isOver) throw new Error(`the process ended before ${what}; it said:\n${process.said()}`);
    await pause(5);
  }
}

/** Ids of the processes that `pid` has started and whose command line has this argument. */
export function childrenOf(pid: number, argument: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((child) => child > 0 && parentOf(child) === pid && argumentsOf(child).includes(argument))
    .sort((a, b) => a - b);
}

/** The fourth field of /proc/<pid>/stat; the second, in parentheses, may hold anything. */
function parentOf(pid: number): number | null {
  const stat = readProc(pid, 'stat');
  return stat === '' ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

const argumentsOf = (pid: number): string[] => readProc(pid, 'cmdline').split('\0');

/** '' for a process that is gone. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
