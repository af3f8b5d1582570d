/**
 * Worker processes on the coordinator's own machine. Each is a process of its own, exactly as on another host; it is
 * started again when it crashes, with growing pauses, and ends with its parent.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { exitCodes } from '@unet-fleet/law';
import { atExit } from '@unet-fleet/shared';
import { newInstance } from '@unet-fleet/wire';

export interface LocalWorkersOptions {
  numWorkers: number;
  /** Program and arguments of a worker, without what `envOf` says. */
  command: readonly string[];
  /** Of the worker in this slot: each has credentials of its own. */
  envOf(slot: number): NodeJS.ProcessEnv;
  onWarning(message: string): void;
  /** A worker's process is gone: nothing more comes from the peer of this instance. */
  onEnded(instance: string, reason: string, isFailure: boolean): void;
  /** A worker ended in a way that trying again would not mend; the sentence is its own. */
  onFatal(message: string): void;
}

const firstPauseMs = 500;
const maxCrashes = 8;
/** Time a worker has to leave by itself when the run is over. */
const graceMs = 5_000;
/** TensorFlow says so; on a processor its kernels then read where nothing is, and the process dies before it can say more. */
const outOfMemory = /OOM when allocating|RESOURCE_EXHAUSTED/;
/** Of a worker's stderr: enough for its last sentence. */
const tailLength = 4_000;

interface Slot {
  name: string;
  /** Of the process that was started last: a part of its id as a peer. */
  instance: string;
  child: ChildProcess | null;
  restart: NodeJS.Timeout | null;
  numCrashes: number;
}

export class LocalWorkers {
  readonly #options: LocalWorkersOptions;
  readonly #slots: Slot[];
  #stopping = false;

  constructor(options: LocalWorkersOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.numWorkers }, (_, i) => ({
      name: `worker-${i + 1}`,
      instance: '',
      child: null,
      restart: null,
      numCrashes: 0,
    }));
  }

  start(): void {
    for (const slot of this.#slots) this.#spawn(slot);
  }

  /** It has joined the run: whatever kept it from that before is mended. */
  joined(name: string): void {
    const slot = this.#slots.find((other) => other.name === name);
    if (slot) slot.numCrashes = 0;
  }

  /** Whether one of them is called so. */
  has(name: string): boolean {
    return this.#slots.some((slot) => slot.name === name);
  }

  /** Waits for the workers to leave, then ends those that have not. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      this.#slots.map(async ({ child, restart }) => {
        if (restart) clearTimeout(restart);
        if (!child || child.exitCode !== null || child.signalCode !== null) return;
        const exited = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
        await exited;
        clearTimeout(timer);
      }),
    );
  }

  /** Ends them at once. */
  kill(): void {
    this.#stopping = true;
    for (const { child, restart } of this.#slots) {
      if (restart) clearTimeout(restart);
      child?.kill('SIGKILL');
    }
  }

  #spawn(slot: Slot): void {
    const [program, ...args] = this.#options.command;
    // A process group of its own, so that Ctrl-C reaches the coordinator alone, which lets the step finish. The IPC
    // channel tells the worker when its parent is gone.
    slot.instance = newInstance();
    const child = spawn(program!, args, {
      env: {
        ...this.#options.envOf(this.#slots.indexOf(slot)),
        UNET_FLEET_WORKER_NAME: slot.name,
        UNET_FLEET_WORKER_INSTANCE: slot.instance,
      },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true,
    });
    slot.child = child;
    const isGone = atExit(() => child.kill('SIGKILL'));
    child.once('error', isGone).once('exit', isGone);
    let tail = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-tailLength);
    });
    child.on('error', (error) =>
      this.#options.onFatal(`${slot.name} could not be started: ${error.message}`),
    );
    child.on('close', (code, signal) => {
      if (!this.#stopping) this.#ended(slot, code, signal, tail.trim());
    });
  }

  #ended(slot: Slot, code: number | null, signal: NodeJS.Signals | null, tail: string): void {
    const isFailure = code !== exitCodes.ok && code !== exitCodes.leftOnRequest;
    const how = signal ? `was killed by ${signal}` : `ended with exit code ${code}`;
    this.#options.onEnded(slot.instance, `it ${how}`, isFailure);
    if (!isFailure) return;
    const lastWords =
      tail
        .split('\n')
        .at(-1)
        ?.replace(/^unet-fleet: /, '') ?? '';
    if (code === exitCodes.usage) {
      this.#options.onFatal(lastWords);
      return;
    }
    if (signal && outOfMemory.test(tail)) {
      this.#options.onFatal(
        `the engine's memory does not suffice for a leaf of ${slot.name}, which ${how}: try a smaller --leaf-size, --size or --base-width`,
      );
      return;
    }
    slot.numCrashes++;
    if (slot.numCrashes >= maxCrashes) {
      this.#options.onFatal(
        `${slot.name} ${how} ${maxCrashes} times and is not started again; it said: ${tail || 'nothing'}`,
      );
      return;
    }
    const pauseMs = firstPauseMs * 2 ** (slot.numCrashes - 1);
    const said = lastWords ? `; it said: ${lastWords}` : '';
    this.#options.onWarning(`${slot.name} ${how}: started again in ${pauseMs / 1000} s${said}`);
    slot.restart = setTimeout(() => this.#spawn(slot), pauseMs);
  }
}
