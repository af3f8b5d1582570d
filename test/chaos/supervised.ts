/**
 * One process of the run under a supervisor, as Kubernetes would keep it: started again when it was killed or met an
 * operating fault, left alone when it is done, and a bug or a usage error is never hidden by another try.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes } from '@unet-fleet/law';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SupervisedOptions {
  name: string;
  /** Program and arguments of the next start; asked each time. */
  command(): readonly string[];
  env: NodeJS.ProcessEnv;
  /** Gets everything that it prints, of all its lives. */
  logPath: string;
  /** Told of each end of the process. */
  onExit(exit: Exit): void;
  /** After an end that was not asked for: whether to start it again. */
  restarts(exit: Exit): boolean;
  /** It ended in a way that no supervisor should hide. */
  onFailure(message: string): void;
}

/** Before another try after an operating fault; a killed process is started at once. */
const restartPauseMs = 200;
const keptLines = 30;

/** None of them outlives this process, however it ends. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Supervised {
  readonly name: string;
  readonly #options: SupervisedOptions;
  #child: ChildProcess | null = null;
  #isRetired = false;
  #stopped: NodeJS.Timeout | null = null;
  #tail: string[] = [];
  #stdout = '';
  #done!: (exit: Exit) => void;
  /** Its last end: it is not started again after that. */
  readonly ended = new Promise<Exit>((resolve) => {
    this.#done = resolve;
  });

  constructor(options: SupervisedOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#child !== null;
  }

  get isRetired(): boolean {
    return this.#isRetired;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** What its last life has printed on stdout. */
  get stdout(): string {
    return this.#stdout;
  }

  /** Its last lines, for a person. */
  get tail(): string {
    return this.#tail.map((line) => `  ${this.name}: ${line}`).join('\n');
  }

  start(): void {
    const [program, ...args] = this.#options.command();
    const child = spawn(program!, args, { env: this.#options.env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    running.add(child);
    this.#stdout = '';
    this.#note(`--- started, process ${child.pid}`);
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.trimEnd().split('\n')) this.#note(line);
    });
    child.on('error', (error) => this.#options.onFailure(`${this.name} did not start: ${error.message}`));
    child.on('close', (code, signal) => {
      running.delete(child);
      this.#closed({ code, signal });
    });
  }

  /** Sends a signal; nothing happens when it is down. A process that is stopped hears SIGKILL alone. */
  signal(name: NodeJS.Signals): void {
    if (name === 'SIGKILL') this.goOn();
    this.#child?.kill(name);
  }

  /** SIGSTOP now, SIGCONT after a while if it is still the same process. */
  stopFor(forMs: number): void {
    const child = this.#child;
    if (!child) return;
    this.goOn();
    child.kill('SIGSTOP');
    this.#stopped = setTimeout(() => child.kill('SIGCONT'), forMs);
  }

  /** SIGTERM, and no other life; resolves to how it ended. */
  async leave(): Promise<Exit> {
    this.#isRetired = true;
    if (!this.#child) this.#done({ code: exitCodes.leftOnRequest, signal: null });
    this.goOn();
    this.#child?.kill('SIGTERM');
    return this.ended;
  }

  /** Ends it for good, at once. */
  async destroy(): Promise<void> {
    this.#isRetired = true;
    if (!this.#child) return this.#done({ code: null, signal: 'SIGKILL' });
    this.signal('SIGKILL');
    await this.ended;
  }

  /** SIGCONT, if it is stopped. */
  goOn(): void {
    if (!this.#stopped) return;
    clearTimeout(this.#stopped);
    this.#stopped = null;
    this.#child?.kill('SIGCONT');
  }

  #closed(exit: Exit): void {
    this.#child = null;
    if (this.#stopped) clearTimeout(this.#stopped);
    this.#stopped = null;
    const how = exit.signal ?? `code ${exit.code}`;
    this.#note(`--- ended with ${how}`);
    this.#options.onExit(exit);
    if (exit.code === exitCodes.internal || exit.code === exitCodes.usage) {
      this.#options.onFailure(`${this.name} ended with ${how}:\n${this.tail}`);
    }
    if (this.#isRetired || !this.#options.restarts(exit)) {
      this.#isRetired = true;
      this.#done(exit);
      return;
    }
    void this.#startAgain(exit.signal === null ? restartPauseMs : 0);
  }

  async #startAgain(pauseMs: number): Promise<void> {
    await sleep(pauseMs);
    if (!this.#isRetired) this.start();
    else this.#done({ code: exitCodes.leftOnRequest, signal: null });
  }

  #note(line: string): void {
    this.#tail = [...this.#tail.slice(1 - keptLines), line];
    appendFileSync(this.#options.logPath, `${new Date().toISOString()} ${line}\n`);
  }
}
