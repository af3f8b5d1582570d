/**
 * The broker of a run that was given none: a nats-server of its own. What it keeps true: it listens where it says
 * before anybody is told, nobody without the run's random credentials gets in, and it never outlives the process that
 * started it, not even one that is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes, type InstallReport, silentReport, UserError } from '@unet-fleet/shared';
import { findNatsServer } from './find.ts';
import { serverConfigText } from './server-config.ts';

export interface BrokerOptions {
  /** 0: any free one. */
  port: number;
  /** Address to listen on; 0.0.0.0 for all. Default 127.0.0.1. */
  host?: string;
  /** Gets the configuration and the log. */
  folder: string;
  report?: InstallReport;
}

export interface Broker {
  /** For clients on this machine. */
  url: string;
  user: string;
  password: string;
  /** Sees $SYS.ACCOUNT.FLEET.CONNECT and DISCONNECT. */
  sysUser: string;
  sysPassword: string;
  port: number;
  pid: number;
  /** Resolves to a sentence when the server ends without having been asked to; never after stop(). */
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
 * Starts a nats-server and waits until it listens.
 * @throws UserError if the port is in use, or the server cannot be fetched or started
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { host = '127.0.0.1', port, report = silentReport } = options;
  const server = await findNatsServer(report);
  const folder = resolve(options.folder);
  mkdirSync(folder, { recursive: true });
  const privateFolder = mkdtempSync(join(folder, 'broker-'));
  const logPath = join(folder, 'nats-server.log');
  const logStart = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  const config = {
    host,
    port: port === 0 ? -1 : port,
    user: 'fleet',
    password: randomBytes(24).toString('base64url'),
    sysUser: 'fleet-system',
    sysPassword: randomBytes(24).toString('base64url'),
    logPath,
    pidPath: join(privateFolder, 'nats-server.pid'),
    portsFolder: privateFolder,
  };
  const configPath = join(privateFolder, 'nats-server.conf');
  writeFileSync(configPath, serverConfigText(config), { mode: 0o600 });
  const child = spawnWatched(server.path, configPath, logPath);
  const exit = new Promise<void>((done) => child.once('exit', () => done()));
  let isStopping = false;
  const stop = async () => {
    isStopping = true;
    await endWatched(child, exit);
    rmSync(privateFolder, { recursive: true, force: true });
  };
  try {
    const actualPort = await listeningPort(privateFolder, child);
    if (actualPort === null) throw startError(host, port, logSince(logPath, logStart), logPath);
    const shownHost = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
    return {
      url: `nats://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${actualPort}`,
      user: config.user,
      password: config.password,
      sysUser: config.sysUser,
      sysPassword: config.sysPassword,
      port: actualPort,
      pid: Number(readFileSync(config.pidPath, 'utf8')),
      ended: new Promise((done) => {
        exit.then(() => {
          if (!isStopping) done(`the embedded broker ended unexpectedly: its log is ${logPath}`);
        });
      }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** In a session of its own: Ctrl-C in the terminal is for the run, which still needs its broker to end well. */
function spawnWatched(server: string, configPath: string, logPath: string): ChildProcess {
  const log = openSync(logPath, 'a', 0o600);
  try {
    const child = spawn('/bin/sh', ['-c', watcher, server, configPath], {
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

async function endWatched(child: ChildProcess, exit: Promise<void>): Promise<void> {
  (child.stdio[3] as Socket).destroy();
  const giveUp = new AbortController();
  const timeout = sleep(stopTimeoutMs, true, { signal: giveUp.signal }).catch(() => false);
  if (await Promise.race([exit.then(() => false), timeout])) {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await exit;
  }
  giveUp.abort();
}

/** The port from the file that the server writes once it listens; null if it ended or took too long. */
async function listeningPort(folder: string, child: ChildProcess): Promise<number | null> {
  const deadline = performance.now() + startTimeoutMs;
  while (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
    const name = readdirSync(folder).find((file) => file.endsWith('.ports'));
    const port = name === undefined ? null : portIn(readFileSync(join(folder, name), 'utf8'));
    if (port !== null) return port;
    await sleep(pollMs);
  }
  return null;
}

/** null while the file is still being written. */
function portIn(text: string): number | null {
  try {
    const { nats } = JSON.parse(text) as { nats?: string[] };
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

function startError(host: string, port: number, log: string, logPath: string): UserError {
  if (/address already in use/.test(log)) {
    return new UserError(
      `port ${port} on ${host} is in use: choose another by --nats-port, or 0 for any free one`,
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
