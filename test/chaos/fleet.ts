/**
 * The processes of one run, each under a supervisor: a NATS server, a coordinator, and workers that reach the server
 * through a relay each. Faults are done to them here; whether the run outlives them is asked elsewhere.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNatsServer } from '@unet-fleet/coordinator';
import { exitCodes } from '@unet-fleet/shared';
import { Progress } from './progress.ts';
import { Relay } from './relay.ts';
import type { Direction, Party } from './schedule.ts';
import { Supervised } from './supervised.ts';

const script = fileURLToPath(new URL('../../../packages/cli/bin/unet-fleet.js', import.meta.url));

export interface FleetOptions {
  /** Gets the run's folder, the broker's and the logs. */
  folder: string;
  /** Flags of the coordinator that make the run. */
  recipe: readonly string[];
  numWorkers: number;
  onFailure(message: string): void;
}

interface WorkerSlot {
  process: Supervised;
  relay: Relay;
}

/** Options that the developer's shell sets must not reach the run; the cache holds the engine. */
const cleanEnv = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith('UNET_FLEET_') || name === 'UNET_FLEET_CACHE',
    ),
  );

export class Fleet {
  readonly runDir: string;
  readonly progress: Progress;
  readonly #options: FleetOptions;
  readonly #env: NodeJS.ProcessEnv;
  readonly #broker: Supervised;
  readonly #coordinator: Supervised;
  readonly #workers: WorkerSlot[] = [];
  readonly #port: number;
  #numStarted = 0;
  #isDone = false;
  /** Ends by process and exit code, of all lives. */
  readonly exits = new Map<string, number>();

  private constructor(options: FleetOptions, server: string, port: number) {
    this.#options = options;
    this.#port = port;
    this.runDir = join(options.folder, 'run');
    this.progress = new Progress(join(this.runDir, 'metrics.jsonl'));
    const [user, password] = ['fleet', randomBytes(12).toString('hex')];
    this.#env = { ...cleanEnv(), UNET_FLEET_NATS_USER: user, UNET_FLEET_NATS_PASSWORD: password };
    const config = join(options.folder, 'nats-server.conf');
    writeFileSync(config, serverConfig(port, user, password), { mode: 0o600 });
    this.#broker = this.#supervise(
      'broker',
      () => [server, '-c', config],
      () => true,
    );
    this.#coordinator = this.#supervise(
      'coordinator',
      () => this.#coordinatorCommand(),
      ({ code }) => code !== exitCodes.ok,
    );
    void this.#coordinator.ended.then(() => {
      this.#isDone = true;
    });
  }

  /** Starts all of them. */
  static async start(options: FleetOptions): Promise<Fleet> {
    mkdirSync(options.folder, { recursive: true });
    const { path } = await findNatsServer();
    const fleet = new Fleet(options, path, await freePort());
    fleet.#broker.start();
    fleet.#coordinator.start();
    for (let i = 0; i < options.numWorkers; i++) await fleet.join();
    return fleet;
  }

  /** The coordinator has ended for good: the run is over. */
  get isDone(): boolean {
    return this.#isDone;
  }

  get hasCheckpoint(): boolean {
    return hasCheckpoint(this.runDir);
  }

  get numWorkers(): number {
    return this.#workers.length;
  }

  /** What the coordinator printed about the run's outcome, when it is done. */
  get outcome(): string {
    return this.#coordinator.stdout;
  }

  /** Another worker; resolves once it is started. */
  async join(): Promise<string> {
    const relay = new Relay({ host: '127.0.0.1', port: this.#port });
    const port = await relay.listen();
    const name = `worker-${++this.#numStarted}`;
    const command = () => [
      process.execPath,
      ...[script, 'worker', '--nats-url', `nats://127.0.0.1:${port}`, '--name', name],
    ];
    // A worker that is told of an end that is none yet is started again, as a cluster's supervisor would.
    const worker = this.#supervise(name, command, ({ code }) => !(code === exitCodes.ok && this.#isDone));
    this.#workers.push({ process: worker, relay });
    worker.start();
    return name;
  }

  /** The process that a fault is for; `pick` in [0, 1) chooses among the workers. */
  processOf(party: Party, pick: number): Supervised {
    if (party === 'broker') return this.#broker;
    return party === 'coordinator' ? this.#coordinator : this.#worker(pick).process;
  }

  /** SIGTERM to a worker, which must leave with its work handed back. */
  drain(pick: number): string {
    const slot = this.#worker(pick);
    this.#workers.splice(this.#workers.indexOf(slot), 1);
    void this.#drained(slot);
    return slot.process.name;
  }

  cut(pick: number, refuseMs: number): string {
    const { process: worker, relay } = this.#worker(pick);
    relay.cut(refuseMs);
    return worker.name;
  }

  stall(pick: number, direction: Direction, forMs: number): string {
    const { process: worker, relay } = this.#worker(pick);
    relay.stall(direction, forMs);
    return worker.name;
  }

  delay(pick: number, latencyMs: number, forMs: number): string {
    const { process: worker, relay } = this.#worker(pick);
    relay.delay(latencyMs, forMs);
    return worker.name;
  }

  /** The last lines of all that still run, for a person. */
  tails(): string {
    const all = [this.#broker, this.#coordinator, ...this.#workers.map((slot) => slot.process)];
    return all.map((process) => process.tail).join('\n');
  }

  /** Ends everything. */
  async close(): Promise<void> {
    const workers = this.#workers.splice(0);
    await Promise.all(workers.map(({ process: worker }) => worker.destroy()));
    await this.#coordinator.destroy();
    await this.#broker.destroy();
    await Promise.all(workers.map(({ relay }) => relay.close()));
  }

  async #drained({ process: worker, relay }: WorkerSlot): Promise<void> {
    const { code, signal } = await worker.leave();
    await relay.close();
    // One that was just starting may not listen for signals yet.
    if (signal === 'SIGTERM' || code === exitCodes.leftOnRequest || code === exitCodes.ok) return;
    // Asked to leave while the broker was away.
    if (code === exitCodes.unavailable) return;
    this.#options.onFailure(
      `${worker.name} was asked to leave and ended with ${signal ?? `code ${code}`}:\n${worker.tail}`,
    );
  }

  #worker(pick: number): WorkerSlot {
    return this.#workers[Math.floor(pick * this.#workers.length)]!;
  }

  #supervise(
    name: string,
    command: () => readonly string[],
    restarts: (exit: { code: number | null }) => boolean,
  ): Supervised {
    const { folder, onFailure } = this.#options;
    const party = name.replace(/-\d+$/, '');
    return new Supervised({
      name,
      command,
      env: this.#env,
      logPath: join(folder, `${name}.log`),
      restarts: (exit) => {
        const how = `${party} ${exit.signal ?? `code ${exit.code}`}`;
        this.exits.set(how, (this.exits.get(how) ?? 0) + 1);
        return restarts(exit);
      },
      onFailure,
    });
  }

  #coordinatorCommand(): string[] {
    const broker = ['--nats-url', `nats://127.0.0.1:${this.#port}`, '--run-dir', this.runDir, '--json'];
    const how = hasCheckpoint(this.runDir) ? ['--resume'] : this.#options.recipe;
    return [process.execPath, script, 'coordinator', ...broker, ...how];
  }
}

/** A run that was killed before its first checkpoint begins again. */
function hasCheckpoint(runDir: string): boolean {
  const checkpoints = join(runDir, 'checkpoints');
  return existsSync(checkpoints) && readdirSync(checkpoints).some((name) => /^step-\d+$/.test(name));
}

const serverConfig = (port: number, user: string, password: string): string => `
host: 127.0.0.1
port: ${port}
max_payload: 2MB
accounts: { FLEET: { users: [ { user: "${user}", password: "${password}" } ] } }
`;

/** A port that was free a moment ago: a broker that is started again must be found where it was. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
