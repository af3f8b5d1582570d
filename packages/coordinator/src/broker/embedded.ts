/**
 * The broker of a run that was given none: a nats-server of its own. What it keeps true: it listens where it says
 * before anybody is told, nobody without the run's random credentials gets in, each of the run's own workers can speak
 * for itself alone, what leaves the machine is encrypted, and a server that dies is started again where it was, with the
 * same credentials.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type InstallReport, silentReport } from '@unet-fleet/install';
import { exitCodes, UserError } from '@unet-fleet/law';
import { atExit, makeFolder } from '@unet-fleet/shared';
import { coordinatorIdentity, reducerIdentity, sharedWorkerIdentity } from '@unet-fleet/wire';
import { findNatsServer } from './find.ts';
import { isLoopback, type JoinSecrets } from './join-secrets.ts';
import { serverConfigText } from './server-config.ts';
import { type ServerProcess, startServer } from './server-process.ts';

export interface BrokerOptions {
  /** 0: any free one. */
  port: number;
  /** Address to listen on; 0.0.0.0 for all, beyond this machine only with `join`. Default 127.0.0.1. */
  host?: string;
  /** Certificates and passwords, for workers and reducers of other machines. */
  join?: JoinSecrets;
  /** Gets the configuration and the log. */
  folder: string;
  /** How many workers get credentials of their own. Default 0. */
  numLocalWorkers?: number;
  report?: InstallReport;
  /** Before a server that ended is started again; a start that fails takes the next one, and after the last none. */
  restartPausesMs?: readonly number[];
  /** Told of each end of the server, and what is done about it. */
  onWarning?(message: string): void;
}

export interface PasswordLogin {
  user: string;
  password: string;
}

/** `user` and `password` are the coordinator's. */
export interface Broker extends PasswordLogin {
  /** For clients on this machine. */
  url: string;
  port: number;
  /** For workers that are not the run's own. */
  worker: PasswordLogin;
  /** For processes with reducers. */
  reducer: PasswordLogin;
  /** Of the run's own workers. */
  localWorkers: PasswordLogin[];
  /** Of the server that runs now. */
  readonly pid: number;
  /** Resolves to the reason when the server can't be had any more; never after stop(). */
  failed: Promise<UserError>;
  stop(): Promise<void>;
}

const defaultPausesMs = [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000];
/** A server that lived this long was no part of a row of failures. */
const healthyAfterMs = 5_000;
/** Time for an earlier start's server to leave the port: it ends some seconds after a coordinator that was killed. */
const portPatienceMs = 6_000;
const portRetryMs = 200;
/** Longest pause before the restart of a server that had been listening. */
const maxPauseMs = 800;

const login = (user: string): PasswordLogin => ({ user, password: randomBytes(24).toString('base64url') });

/**
 * Starts a nats-server, waits until it listens, and keeps it there until stop().
 * @throws UserError if the port is in use, or the server cannot be fetched or started
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { host = '127.0.0.1', port, join: secrets, report = silentReport, numLocalWorkers = 0 } = options;
  if (!secrets && !isLoopback(host)) throw new Error(`a broker on ${host} needs certificates`);
  const { path: program } = await findNatsServer(report);
  const folder = resolve(options.folder);
  makeFolder(folder);
  chmodSync(folder, 0o700);
  const privateFolder = mkdtempSync(join(folder, 'broker-'));
  const coordinator = login(coordinatorIdentity);
  const worker = secrets
    ? { user: sharedWorkerIdentity, password: secrets.workerPassword }
    : login(sharedWorkerIdentity);
  const reducer = secrets
    ? { user: reducerIdentity, password: secrets.reducerPassword }
    : login(reducerIdentity);
  const localWorkers = Array.from({ length: numLocalWorkers }, (_, i) => login(`local-${i + 1}`));
  const files = {
    logPath: join(folder, 'nats-server.log'),
    pidPath: join(privateFolder, 'nats-server.pid'),
    portsFolder: privateFolder,
  };
  const configPath = join(privateFolder, 'nats-server.conf');
  const tls = secrets
    ? { certificate: join(privateFolder, 'server.pem'), key: join(privateFolder, 'server-key.pem') }
    : null;
  if (secrets && tls) {
    writeFileSync(tls.certificate, secrets.certificates, { mode: 0o600 });
    writeFileSync(tls.key, secrets.key, { mode: 0o600 });
  }
  const start = (fixedPort: number): Promise<ServerProcess> => {
    const config = serverConfigText({
      title: 'Made by unet-fleet for one run; the credentials hold only as long as it.',
      host,
      port: fixedPort === 0 ? -1 : fixedPort,
      users: [coordinator, reducer, worker, ...localWorkers].map((of) => ({ identity: of.user, login: of })),
      monitor: null,
      tls,
      files,
    });
    writeFileSync(configPath, config, { mode: 0o600 });
    return startServer({ program, configPath, host, port: fixedPort, ...files });
  };
  const isDone = atExit(() => rmSync(privateFolder, { recursive: true, force: true }));
  const remove = () => {
    isDone();
    rmSync(privateFolder, { recursive: true, force: true });
  };
  let first: ServerProcess;
  try {
    first = await startWithin(secrets?.isKept ? portPatienceMs : 0, () => start(port));
  } catch (error) {
    remove();
    throw error;
  }
  const { onWarning = () => {}, restartPausesMs = defaultPausesMs } = options;
  const supervisor = new Supervisor(first, () => start(first.port), restartPausesMs, onWarning);
  const shownHost = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return {
    url: `${tls ? 'tls' : 'nats'}://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${first.port}`,
    ...coordinator,
    port: first.port,
    worker,
    reducer,
    localWorkers,
    get pid() {
      return supervisor.server.pid;
    },
    failed: supervisor.failed,
    stop: async () => {
      await supervisor.stop();
      remove();
    },
  };
}

async function startWithin(patienceMs: number, start: () => Promise<ServerProcess>): Promise<ServerProcess> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      const mayPass = error instanceof UserError && error.exitCode === exitCodes.unavailable;
      if (!mayPass || performance.now() > deadlineMs) throw error;
      await sleep(portRetryMs);
    }
  }
}

/** Starts a server again whenever it ends, in pauses that grow while that does not help. */
class Supervisor {
  server: ServerProcess;
  readonly failed: Promise<UserError>;
  readonly #start: () => Promise<ServerProcess>;
  readonly #pausesMs: readonly number[];
  readonly #onWarning: (message: string) => void;
  readonly #stopping = new AbortController();
  readonly #watch: Promise<void>;

  constructor(
    server: ServerProcess,
    start: () => Promise<ServerProcess>,
    pausesMs: readonly number[],
    onWarning: (message: string) => void,
  ) {
    this.server = server;
    this.#start = start;
    this.#pausesMs = pausesMs;
    this.#onWarning = onWarning;
    let giveUp!: (error: UserError) => void;
    this.failed = new Promise((resolveFailed) => {
      giveUp = resolveFailed;
    });
    this.#watch = this.#keepAlive(giveUp);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.server.stop();
    await this.#watch;
  }

  async #keepAlive(giveUp: (error: UserError) => void): Promise<void> {
    let numDeaths = 0;
    for (;;) {
      const startedAt = performance.now();
      const how = await this.server.ended;
      if (this.#stopping.signal.aborted) return;
      numDeaths = performance.now() - startedAt >= healthyAfterMs ? 0 : numDeaths + 1;
      this.#onWarning(`the embedded broker ${how}: it is started again, and everything waits for it`);
      const pauseMs = Math.min(maxPauseMs, this.#pausesMs[Math.min(numDeaths, this.#pausesMs.length - 1)]!);
      const next = await this.#restart(pauseMs);
      if (next === null) return;
      if (next instanceof UserError) {
        giveUp(next);
        return;
      }
      this.server = next;
      if (this.#stopping.signal.aborted) {
        await next.stop();
        return;
      }
    }
  }

  /** Null when it was stopped meanwhile; the reason when it can't be started. */
  async #restart(firstPauseMs: number): Promise<ServerProcess | UserError | null> {
    const { signal } = this.#stopping;
    let last = '';
    for (const pauseMs of [firstPauseMs, ...this.#pausesMs.slice(1)]) {
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return null;
      try {
        return await this.#start();
      } catch (error) {
        // Whatever it is (the port, the disk, a folder that was removed), it may be over at the next attempt.
        last = (error as Error).message;
      }
    }
    return new UserError(
      `the embedded broker ended and could not be started again in ${this.#pausesMs.length} attempts; the last one: ${last}`,
      exitCodes.unavailable,
    );
  }
}
