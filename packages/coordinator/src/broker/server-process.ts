/**
 * One life of a nats-server process, from its start until it listens and until it ends. What it keeps true: whoever
 * gets it can connect at once, and the server never outlives the process that started it, not even one that is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes, UserError } from '@unet-fleet/law';
import { isLoopback } from './join-secrets.ts';

export interface ServerFiles {
  program: string;
  configPath: string;
  logPath: string;
  pidPath: string;
  /** Where the server writes its ports once it listens; holds nothing else of that kind. */
  portsFolder: string;
  /** What the configuration says, for sentences. */
  host: string;
  port: number;
}

export interface ServerProcess {
  port: number;
  pid: number;
  /** Resolves when the process has ended, for whatever reason, to how it ended. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

const startTimeoutMs = 15_000;
const pollMs = 15;
/** Longer than the watcher takes from SIGTERM to SIGKILL. */
const stopTimeoutMs = 8000;

/**
 * Runs the server and ends it when descriptor 3 ends, which happens when its parent closes it or dies in whatever way.
 * The shell ends with the server, so that the parent sees that as well.
 */
const watcher = `
"$0" -c "$1" 3<&- &
server=$!
( read -r nothing <&3; kill -TERM $server; sleep 3 3<&-; kill -KILL $server ) 2>/dev/null &
watch=$!
exec 3<&-
wait $server
code=$?
kill $watch 2>/dev/null
exit $code
`;

/**
 * Starts a server and waits until it listens.
 * @throws UserError if the port is in use, or the server does not start
 */
export async function startServer(files: ServerFiles): Promise<ServerProcess> {
  const { logPath, portsFolder } = files;
  const logStart = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  // A server that was killed has left the file that says it listens.
  for (const name of portsFiles(portsFolder)) rmSync(join(portsFolder, name), { force: true });
  const child = spawnWatched(files);
  const ended = new Promise<string>((done) => {
    child.once('exit', (code, signal) => done(howItEnded(code, signal)));
  });
  const stop = () => endWatched(child, ended);
  try {
    const port = await listeningPort(portsFolder, child);
    if (port === null) throw startError(files, logSince(logPath, logStart));
    return { port, pid: Number(readFileSync(files.pidPath, 'utf8')), ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** In a session of its own: Ctrl-C in the terminal is for the run, which still needs its broker to end well. */
function spawnWatched({ program, configPath, logPath }: ServerFiles): ChildProcess {
  const log = openSync(logPath, 'a', 0o600);
  try {
    const child = spawn('/bin/sh', ['-c', watcher, program, configPath], {
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
    });
    // A run that ends without stop() must not be held up by its broker.
    child.unref();
    (child.stdio[3] as Socket).unref();
    return child;
  } finally {
    closeSync(log);
  }
}

async function endWatched(child: ChildProcess, ended: Promise<string>): Promise<void> {
  (child.stdio[3] as Socket).destroy();
  const giveUp = new AbortController();
  const timeout = sleep(stopTimeoutMs, true, { signal: giveUp.signal }).catch(() => false);
  if (await Promise.race([ended.then(() => false), timeout])) {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await ended;
  }
  giveUp.abort();
}

/** The shell gives a signal that ended the server as 128 and its number. */
function howItEnded(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal) return `was ended by ${signal}`;
  if (code === 137) return 'was killed';
  return code !== null && code > 128 ? `was ended by signal ${code - 128}` : `ended with exit code ${code}`;
}

const portsFiles = (folder: string): string[] =>
  readdirSync(folder).filter((file) => file.endsWith('.ports'));

/** The port from the file that the server writes once it listens; null if it ended or took too long. */
async function listeningPort(folder: string, child: ChildProcess): Promise<number | null> {
  const deadline = performance.now() + startTimeoutMs;
  while (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
    const [name] = portsFiles(folder);
    const port = name === undefined ? null : portIn(readFileSync(join(folder, name), 'utf8'));
    if (port !== null) return port;
    await sleep(pollMs);
  }
  return null;
}

/** null while the file is still being written. */
function portIn(json: string): number | null {
  try {
    const { nats } = JSON.parse(json) as { nats?: string[] };
    return Number(new URL(nats?.[0] ?? '').port);
  } catch {
    return null;
  }
}

function logSince(path: string, start: number): string {
  try {
    return readFileSync(path).subarray(start).toString('utf8');
  } catch {
    return '';
  }
}

function startError({ host, port, logPath }: ServerFiles, log: string): UserError {
  if (/address already in use/.test(log)) {
    return new UserError(
      `port ${port} on ${host} is in use: choose another by --nats-port${isLoopback(host) ? ', or 0 for any free one' : ''}`,
      exitCodes.unavailable,
    );
  }
  if (/bind: permission denied/.test(log)) {
    return new UserError(`port ${port} needs privileges: choose one above 1023 by --nats-port`);
  }
  if (/cannot assign requested address/.test(log)) {
    return new UserError(`${host} is no address of this machine: the embedded broker cannot listen there`);
  }
  const reason = log.match(/(?:\[FTL\]|\[ERR\]|nats-server:)\s*(.*)/)?.[1] ?? 'it said nothing';
  return new UserError(
    `the embedded broker did not start (${reason}): its log is ${logPath}`,
    exitCodes.unavailable,
  );
}
