/**
 * The processes of one run, each under a supervisor: a NATS server, a coordinator, workers, and reducers where the run has
 * some of their own, which reach the server through a relay each. Faults are done to them here; whether the run outlives them is asked elsewhere.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { findNatsServer } from '@unet-fleet/coordinator';
import { serverConfigText } from '@unet-fleet/coordinator/broker/server-config';
import { exitCodes } from '@unet-fleet/law';
import { coordinatorIdentity, reducerIdentity } from '@unet-fleet/wire';
import { script } from './command.ts';
import { Progress } from './progress.ts';
import { Relay, type Rewriting } from './relay.ts';
import type { Direction, Party } from './schedule.ts';
import { type Exit, Supervised } from './supervised.ts';

/** Far more than there are workers at a time: who joins has none that somebody else still uses. */
const numIdentities = 32;
export interface FleetOptions {
  /** Gets the run's folder, the broker's and the logs. */
  folder: string;
  /** Flags of the coordinator that make the run. */
  recipe: readonly string[];
  numWorkers: number;
  /** Processes with reducers; 0: the coordinator reduces. */
  numReducers: number;
  onFailure(message: string): void;
  /** Lets a test spoil what passes between the broker and its clients. */
  rewrite?: Rewriting;
}

/** A client of the broker: the coordinator, or a worker. */
interface Client {
  process: Supervised;
  relay: Relay;
}

export interface Drained {
  name: string;
  ended: Promise<Exit>;
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
  readonly #password = randomBytes(12).toString('hex');
  readonly #broker: Supervised;
  readonly #coordinator: Client;
  readonly #workers: Client[] = [];
  readonly #reducers: Client[] = [];
  readonly #leaving = new Set<Client>();
  readonly #port: number;
  #numStarted = 0;
  #isDone = false;
  #isClosing = false;
  /** Ends of processes, by party and exit code or signal. */
  readonly exits = new Map<string, number>();

  private constructor(options: FleetOptions, server: string, port: number, relay: Relay, relayPort: number) {
    this.#options = options;
    this.#port = port;
    this.runDir = join(options.folder, 'run');
    this.progress = new Progress(join(this.runDir, 'metrics.jsonl'));
    const config = join(options.folder, 'nats-server.conf');
    writeFileSync(config, this.#serverConfig(port), { mode: 0o600 });
    this.#broker = this.#supervise(
      'broker',
      () => [server, '-c', config],
      () => true,
    );
    const coordinator = this.#supervise(
      coordinatorIdentity,
      () => this.#coordinatorCommand(relayPort),
      ({ code }) => code !== exitCodes.ok,
    );
    this.#coordinator = { process: coordinator, relay };
    void coordinator.ended.then(() => {
      this.#isDone = true;
    });
  }

  /** Starts all of them. */
  static async start(options: FleetOptions): Promise<Fleet> {
    mkdirSync(options.folder, { recursive: true });
    const { path } = await findNatsServer();
    const port = await freePort();
    const relay = new Relay({ host: '127.0.0.1', port }, options.rewrite);
    const fleet = new Fleet(options, path, port, relay, await relay.listen());
    fleet.#broker.start();
    fleet.#coordinator.process.start();
    for (let i = 0; i < options.numReducers; i++) await fleet.#reduce(i + 1);
    for (let i = 0; i < options.numWorkers; i++) await fleet.join();
    return fleet;
  }

  /** The coordinator has ended for good: the run is over. */
  get isDone(): boolean {
    return this.#isDone;
  }

  get numWorkers(): number {
    return this.#workers.length;
  }

  /** What the coordinator printed about the run's outcome, when it is done. */
  get outcome(): string {
    return this.#coordinator.process.stdout;
  }

  /** How another program reaches the broker as this user, without a relay. */
  access(user: string): { url: string; user: string; password: string; env: Record<string, string> } {
    const password = this.#password;
    const env = { UNET_FLEET_NATS_USER: user, UNET_FLEET_NATS_PASSWORD: password };
    return { url: `nats://127.0.0.1:${this.#port}`, user, password, env };
  }

  /** Another worker; resolves once it is started. */
  async join(): Promise<string> {
    const relay = new Relay({ host: '127.0.0.1', port: this.#port }, this.#options.rewrite);
    const port = await relay.listen();
    const number = (this.#numStarted++ % numIdentities) + 1;
    const name = `worker-${number}`;
    // Every other one has no data folder: its photos and masks come over the connections that break.
    const samples = join(this.#options.folder, 'samples', name);
    const data = number % 2 === 0 ? ['--fetch', '--sample-cache', samples] : [];
    const command = () => [
      process.execPath,
      ...[script, 'worker', '--nats-url', `nats://127.0.0.1:${port}`, '--name', name, ...data],
    ];
    // A worker that is told of an end that is none yet is started again, as a cluster's supervisor would.
    const worker = this.#supervise(name, command, ({ code }) => !(code === exitCodes.ok && this.#isDone));
    this.#workers.push({ process: worker, relay });
    worker.start();
    return name;
  }

  /** The process that a fault is for; `pick` in [0, 1) chooses among the workers or reducers. */
  processOf(party: Party, pick: number): Supervised {
    if (party === 'broker') return this.#broker;
    if (party === 'coordinator') return this.#coordinator.process;
    return chosen(party === 'reducer' ? this.#reducers : this.#workers, pick).process;
  }

  async #reduce(number: number): Promise<void> {
    const relay = new Relay({ host: '127.0.0.1', port: this.#port }, this.#options.rewrite);
    const port = await relay.listen();
    const url = ['--nats-url', `nats://127.0.0.1:${port}`, '--wait-broker', '60'];
    const reducer = this.#supervise(
      `${reducerIdentity}-${number}`,
      () => [process.execPath, script, 'reducer', '--threads', '1', ...url],
      ({ code }) => !(code === exitCodes.ok && this.#isDone),
      reducerIdentity,
    );
    this.#reducers.push({ process: reducer, relay });
    reducer.start();
  }

  /** SIGTERM to a worker, which must leave with its work handed back; no other takes its place. */
  drain(pick: number): Drained {
    const client = chosen(this.#workers, pick);
    this.#workers.splice(this.#workers.indexOf(client), 1);
    return { name: client.process.name, ended: this.#drained(client) };
  }

  /** Resets the connections of a worker or the coordinator; nobody gets a new one for `refuseMs`. */
  cut(pick: number, refuseMs: number): string {
    const { process: client, relay } = chosen(this.#clients, pick);
    relay.cut(refuseMs);
    return client.name;
  }

  /** The broker is away for everybody. */
  cutAll(refuseMs: number): void {
    for (const { relay } of this.#clients) relay.cut(refuseMs);
  }

  stall(pick: number, direction: Direction, forMs: number): string {
    const { process: client, relay } = chosen(this.#clients, pick);
    relay.stall(direction, forMs);
    return client.name;
  }

  delay(pick: number, latencyMs: number, forMs: number): string {
    const { process: client, relay } = chosen(this.#clients, pick);
    relay.delay(latencyMs, forMs);
    return client.name;
  }

  /** The last lines of all that still run, for a person. */
  tails(): string {
    const all = [this.#broker, ...this.#clients.map((client) => client.process)];
    return all.map((process) => process.tail).join('\n');
  }

  /** Ends everything. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const clients = [...this.#clients, ...this.#leaving];
    await Promise.all(clients.map(({ process: client }) => client.destroy()));
    await this.#broker.destroy();
    await Promise.all(clients.map(({ relay }) => relay.close()));
  }

  get #clients(): Client[] {
    return [this.#coordinator, ...this.#workers, ...this.#reducers];
  }

  async #drained(client: Client): Promise<Exit> {
    this.#leaving.add(client);
    const exit = await client.process.leave();
    this.#leaving.delete(client);
    await client.relay.close();
    return exit;
  }

  #supervise(
    name: string,
    command: () => readonly string[],
    restarts: (exit: { code: number | null }) => boolean,
    user = name,
  ): Supervised {
    const { folder, onFailure } = this.#options;
    const party = name.replace(/-\d+$/, '');
    return new Supervised({
      name,
      command,
      env: { ...cleanEnv(), UNET_FLEET_NATS_USER: user, UNET_FLEET_NATS_PASSWORD: this.#password },
      logPath: join(folder, `${name}.log`),
      restarts,
      onExit: ({ code, signal }) => {
        const how = `${party} ${signal ?? `code ${code}`}`;
        if (!this.#isClosing) this.exits.set(how, (this.exits.get(how) ?? 0) + 1);
      },
      onFailure,
    });
  }

  /** As for a cluster: each has credentials of its own and is held to its own subjects. */
  #serverConfig(port: number): string {
    const workers = Array.from({ length: numIdentities }, (_, i) => `worker-${i + 1}`);
    const password = this.#password;
    return serverConfigText({
      title: 'Made for a run under faults.',
      host: '127.0.0.1',
      port,
      users: [coordinatorIdentity, reducerIdentity, ...workers].map((user) => ({
        identity: user,
        login: { user, password },
      })),
      monitor: null,
      tls: null,
      files: null,
    });
  }

  #coordinatorCommand(port: number): string[] {
    const broker = ['--nats-url', `nats://127.0.0.1:${port}`, '--run-dir', this.runDir, '--json'];
    const how = existsSync(join(this.runDir, 'run.json')) ? ['--resume'] : this.#options.recipe;
    return [process.execPath, script, 'coordinator', ...broker, ...how];
  }
}

const chosen = <T>(among: T[], pick: number): T => among[Math.floor(pick * among.length)]!;

/** A port that was free a moment ago: a broker that is started again must be found where it was. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
