/**
 * One cell: a command in a situation, as a process of its own in a folder of its own, and what became of it. What holds
 * in every cell is looked at here: no core dump, no stack, no word of a bug, nothing left in shared memory, no process
 * and no temporary file left, and no exit code 0 without what it promises.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { MatrixCommand } from './commands.ts';
import { cleanEnv, multiply, script, terminalProgram } from './fixture.ts';
import type { Handle, Situation } from './situations.ts';

export interface CellResult {
  /** 128 and the signal's number where one ended it; null where it had to be ended. */
  code: number | null;
  stdout: string;
  stderr: string;
  /** Whether it was in the middle of its work when something happened to it. */
  wasUnderWay: boolean;
  /** What holds in every cell and did not in this one. */
  broken: string[];
  ms: number;
}

const signalNumbers: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
  SIGXCPU: 24,
  SIGXFSZ: 25,
};
/** Signals that dump core where they end a process. */
const coreCodes = [3, 4, 5, 6, 7, 8, 11, 24, 25, 31].map((signal) => 128 + signal);
/** For what was ended to go: an orphan has two seconds, a broker three. */
const leavingMs = 15_000;

export interface CellOptions {
  fixture: string;
  /** The cell's folder, which is made and removed. */
  folder: string;
  limitMs: number;
}

/** Runs the cell. Rejects only where it could not be run at all. */
export async function runCell(
  command: MatrixCommand,
  situation: Situation,
  { fixture, folder, limitMs }: CellOptions,
): Promise<CellResult> {
  // Nothing here may hold up the look at another cell's process.
  await cp(fixture, folder, { recursive: true });
  const plan = situation.prepare(folder);
  if (command.numCopies && plan.whenUnderWay) await multiply(folder, command.numCopies);
  const mark = `UF_CELL=${folder}`;
  const env: Record<string, string> = { ...cleanEnv(folder), UF_CELL: folder };
  for (const [name, value] of Object.entries(plan.env ?? {})) {
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
  const line = [...(plan.before ?? []), process.execPath, script, ...command.args];
  const pidFile = join(folder, 'pid');
  if (plan.terminal) line.unshift('python3', terminalProgram, ...plan.terminal.map(String), pidFile);
  const startedAtMs = performance.now();
  // A session of its own, so that no ancestor's handling of SIGHUP shows.
  const child = spawn(line[0]!, line.slice(1), { cwd: folder, env, detached: true });
  const said = collect(child);
  let code: number | null = null;
  let hasEnded = false;
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, signal) => {
      code = signal ? 128 + (signalNumbers[signal] ?? 0) : exitCode;
      hasEnded = true;
      resolve();
    });
  });
  ended.catch(() => {});
  const pidOf = (): number => {
    if (!plan.terminal) return child.pid ?? 0;
    return existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
  };
  const deadline = startedAtMs + limitMs;
  const isLate = () => performance.now() > deadline;
  const handle: Handle = {
    folder,
    get pid() {
      return pidOf();
    },
    kill: (name) => pidOf() > 0 && !hasEnded && process.kill(pidOf(), name),
    terminal: (text) => child.stdin!.write(`${text}\n`),
    pause: (ms) => pause(ms),
    hasEnded: () => hasEnded,
    isEndless: command.isEndless ?? false,
  };
  if (plan.whenStarted) {
    while (!hasEnded && !isLate() && !isNode(handle.pid)) await pause(5);
    await plan.whenStarted(handle);
  }
  let wasUnderWay = false;
  if (plan.whenUnderWay || command.isEndless) {
    const isUnderWay = command.isUnderWay ?? (({ pid }) => isNode(pid));
    const look = () => isUnderWay({ folder, pid: handle.pid, said: said.stdout + said.stderr });
    while (!hasEnded && !isLate() && !wasUnderWay) {
      wasUnderWay = look();
      if (!wasUnderWay) await pause(3);
    }
    // Where nothing else happens to it, it is ended as a supervisor does.
    if (wasUnderWay) await (plan.whenUnderWay ?? (({ kill }: Handle) => kill('SIGTERM')))(handle);
    else if (command.isEndless) handle.kill('SIGTERM');
  }
  await Promise.race([ended, pause(Math.max(1, deadline - performance.now()), null, { ref: false })]);
  const broken: string[] = [];
  if (!hasEnded) broken.push(`did not end within ${limitMs / 1000} s`);
  plan.undo?.();
  const ms = performance.now() - startedAtMs;
  if (!hasEnded) killAll(mark);
  await ended;
  child.stdin?.destroy();
  const left = await leftBehind(folder, mark, handle.pid);
  const isCutOff = code === 128 + 9 || (code !== null && code === plan.fatalCode);
  // What was killed removes nothing; the next process does (shared-memory.ts).
  broken.push(...(isCutOff ? left.filter((what) => !/^(shared memory|file) left/.test(what)) : left));
  if (code !== null && coreCodes.includes(code) && !isCutOff)
    broken.push(`ended with ${code}, which dumps core`);
  const text = `${said.stdout}\n${said.stderr}`;
  if (/this is a bug in unet-fleet|^\s+at .*(node:|file:|\.js:)/m.test(text)) broken.push('shows a stack');
  if (code === 0 && !command.isDone(folder)) broken.push('exit code 0, but not done');
  killAll(mark);
  plan.afterwards?.();
  await rm(folder, { recursive: true, force: true });
  return {
    code: hasEnded && !broken.some((b) => b.startsWith('did not end')) ? code : null,
    ...said,
    wasUnderWay,
    broken,
    ms,
  };
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      said[name] = (said[name] + text).slice(-20_000);
    });
  }
  child.stdin!.on('error', () => {});
  return said;
}

/** The wrappers before it have handed their process on. */
const isNode = (pid: number): boolean => pid > 0 && readProc(pid, 'cmdline').startsWith(process.execPath);

const readProc = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
};

/** Ends the processes of all cells below `folder`. */
export const endCells = (folder: string): void => killAll(`UF_CELL=${folder}/`);

/** Processes whose environment has a variable that is so, or begins so where it ends with a slash. */
const processesOf = (mark: string): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter(
      (pid) =>
        pid > 0 &&
        readProc(pid, 'environ')
          .split('\0')
          .some((entry) => entry === mark || (mark.endsWith('/') && entry.startsWith(mark))),
    )
    .filter((pid) => !/^State:\s+Z/m.test(readProc(pid, 'status')));

function killAll(mark: string): void {
  for (const pid of processesOf(mark)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

/** Names of files that are only there while something is written. */
const temporaryPattern = /(^|\/)(\.tmp-|tmp-)|\.tmp$|\.unfinished-|\.lock$/;

async function leftBehind(folder: string, mark: string, pid: number): Promise<string[]> {
  const left: string[] = [];
  const deadline = performance.now() + leavingMs;
  let alive = processesOf(mark);
  while (alive.length > 0 && performance.now() < deadline) {
    await pause(50);
    alive = processesOf(mark);
  }
  for (const process of alive)
    left.push(`process left: ${readProc(process, 'cmdline').replaceAll('\0', ' ').slice(0, 100)}`);
  for (const name of readdirSync('/dev/shm').filter((entry) => entry.startsWith('unet-fleet-'))) {
    try {
      const owner = JSON.parse(readFileSync(`/dev/shm/${name}/owner.json`, 'utf8')) as { pid: number };
      if (owner.pid === pid) left.push(`shared memory left: ${name}`);
    } catch {
      // Another run's, which goes this moment.
    }
  }
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const name of files.filter((file) => temporaryPattern.test(file))) left.push(`file left: ${name}`);
  return left;
}
