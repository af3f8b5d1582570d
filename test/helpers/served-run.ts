/** A coordinator and a worker that serve metrics, as real processes with a broker of their own, and what they answer. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startNatsServer } from './nats-server.ts';
import { type Started, start } from './processes.ts';
import { sampleFlags } from './runs.ts';

export interface Answer {
  status: number;
  text: string;
  /** On the clock of the run's events. */
  askedAtMs: number;
  answeredAtMs: number;
}

/** Null while nobody listens there. */
export async function ask(port: number, path: string): Promise<Answer | null> {
  const askedAtMs = Date.now();
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    const text = await response.text();
    return { status: response.status, text, askedAtMs, answeredAtMs: Date.now() };
  } catch (error) {
    const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;
    if (code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') return null;
    throw error;
  }
}

/** Asks until an answer is as wanted. Throws, with all it said, if the process ends before. */
export async function asked(
  { process, port }: Served,
  path: string,
  isWanted: (answer: Answer) => boolean,
): Promise<Answer> {
  for (;;) {
    const isOver = process.hasEnded();
    const answer = await ask(port, path);
    if (answer && isWanted(answer)) return answer;
    if (isOver)
      throw new Error(`the process ended before ${path} was as wanted; it said:\n${process.said()}`);
  }
}

export interface Served {
  process: Started;
  port: number;
}

export interface ServedRun {
  runDir: string;
  coordinator: Served;
  /** Starts the one worker that the run waits for. */
  startWorker(): Promise<Served>;
  stopBroker(): Promise<void>;
}

/** A run in `folder` that waits for its worker. `flags`: what it is to train, besides the data. */
export async function startServedRun(folder: string, flags: readonly string[]): Promise<ServedRun> {
  const [brokerPort, port] = [await freePort(), await freePort()];
  const configPath = join(folder, 'nats.conf');
  writeFileSync(configPath, `listen: "127.0.0.1:${brokerPort}"\nmax_payload: 2MB\n`);
  const broker = await startNatsServer(configPath);
  const data = await sampleFlags(join(folder, 'sample'), 12);
  const runDir = join(folder, 'run');
  const served = (args: readonly string[], ownPort: number): Served => ({
    process: start([...args, '--nats-url', `nats://127.0.0.1:${brokerPort}`, '--metrics-port', `${ownPort}`]),
    port: ownPort,
  });
  const coordinator = served(['coordinator', ...data, ...flags, '--run-dir', runDir], port);
  return {
    runDir,
    coordinator,
    startWorker: async () => served(['worker', '--wait-broker', '60'], await freePort()),
    stopBroker: () => broker.stop(),
  };
}
