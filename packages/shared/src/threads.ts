/**
 * The one way in which two threads of a process speak: each calls functions of the other by name, with the types of the
 * map that they are in. What it keeps true: a call ends, by its answer, by what the function threw, or by the reason why
 * the other thread is gone; what a person can mend crosses as a UserError with its exit code, and a bug with the stack
 * of where it happened; calls are begun in the order in which they are made.
 *
 * Why not a library: birpc, the best kept one, has no list of what is handed over rather than copied, lets errors lose
 * their class, does not know that a thread has died, and would need a layer for these as long as this file.
 */
import { parentPort, Worker, type WorkerOptions, workerData } from 'node:worker_threads';
import { type ExitCode, UserError } from '@unet-fleet/law';
import { type Doing, explained } from './system-error.ts';

/** Of a function, as a tuple. */
export type Arguments<F> = F extends (...args: infer A) => unknown ? A : never;
type Answer<F> = F extends (...args: never[]) => infer R ? Unmoved<Awaited<R>> : never;
type Unmoved<T> = T extends Moved<infer V> ? V : T;

/** What a function answers if the memory of `buffers` goes with it rather than being copied. */
export class Moved<T> {
  readonly value: T;
  readonly buffers: readonly ArrayBuffer[];
  constructor(value: T, buffers: readonly ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}

/** What crosses between the two. */
export type LinkMessage =
  /** `id`: of the answer; null where nobody waits for one. */
  | { call: string; args: unknown[]; id: number | null }
  | { answer: number; value: unknown }
  | { answer: number; failure: Failure };

/** An error, which loses its class between threads. `exitCode`: of a UserError. */
interface Failure {
  message: string;
  exitCode: ExitCode | null;
  stack?: string | undefined;
}

function failureOf(error: unknown, doing?: Doing): Failure {
  const told = explained(error, doing);
  if (told instanceof UserError) return { message: told.message, exitCode: told.exitCode };
  const { message, stack } = told instanceof Error ? told : new Error(String(told));
  return { message, exitCode: null, stack };
}

function errorOf({ message, exitCode, stack }: Failure): Error {
  if (exitCode !== null) return new UserError(message, exitCode);
  return Object.assign(new Error(message), { stack });
}

/** One end between two threads; `Theirs`: the functions of the other one. */
export class Link<Theirs extends object> {
  readonly #post: (message: LinkMessage, moved?: readonly ArrayBuffer[]) => void;
  /** Not answered, whoever still waits for it. */
  readonly #calls = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  #lastId = 0;
  #refusal: Error | null = null;
  #isLost = false;
  readonly #whenIdle: (() => void)[] = [];

  constructor(post: (message: LinkMessage, moved?: readonly ArrayBuffer[]) => void) {
    this.#post = post;
  }

  /** `moved`: memory in the arguments that goes to the other thread rather than being copied. */
  call<Name extends keyof Theirs & string>(
    name: Name,
    args: Arguments<Theirs[Name]>,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<Answer<Theirs[Name]>> {
    if (this.#refusal) return Promise.reject(this.#refusal);
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#post({ call: name, args, id }, moved);
      this.#calls.set(id, { resolve, reject });
    });
  }

  /** Without an answer: what the function throws is the other thread's own end. */
  tell<Name extends keyof Theirs & string>(name: Name, ...args: Arguments<Theirs[Name]>): void {
    this.#post({ call: name, args, id: null });
  }

  /** Calls that the other thread has not answered. */
  get numOut(): number {
    return this.#calls.size;
  }

  /** Resolves when no call is out. */
  idle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Rejects the calls that are out, and all later ones; those that are out keep the other thread busy all the same. */
  refuse(reason: Error): void {
    this.#refusal ??= reason;
    for (const { reject } of this.#calls.values()) reject(this.#refusal);
  }

  /** The other thread is gone: it has answered all that it will. */
  get isLost(): boolean {
    return this.#isLost;
  }

  protected lost(reason: Error): void {
    this.#isLost = true;
    this.refuse(reason);
    this.#calls.clear();
    this.#tellIdle();
  }

  /** What the other thread says. `doing`: what it calls for, in the sentence of what the system refuses. */
  protected take(message: LinkMessage, functions: object, doing?: Doing): void {
    if ('call' in message) {
      const { call, args, id } = message;
      const run = () => (functions as Record<string, (...args: unknown[]) => unknown>)[call]!(...args);
      if (id === null) run();
      else void this.#answer(id, run, doing);
      return;
    }
    const waiting = this.#calls.get(message.answer);
    this.#calls.delete(message.answer);
    if ('failure' in message) waiting?.reject(errorOf(message.failure));
    else waiting?.resolve(message.value as never);
    this.#tellIdle();
  }

  async #answer(id: number, run: () => unknown, doing?: Doing): Promise<void> {
    try {
      const value = await run();
      if (value instanceof Moved) this.#post({ answer: id, value: value.value }, value.buffers);
      else this.#post({ answer: id, value });
    } catch (error) {
      this.#post({ answer: id, failure: failureOf(error, doing) });
    }
  }

  #tellIdle(): void {
    if (this.#calls.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}

export interface ThreadOptions<Ours> extends Omit<WorkerOptions, 'workerData'> {
  /** As the subject of a sentence: "the compute thread". */
  name: string;
  /** For `threadData`. */
  data?: unknown;
  /** What the thread may call. */
  functions?: Ours;
  /** A thread that is asked nothing does not keep the process alive. */
  unrefIdle?: boolean;
}

/** A thread that this one starts; `Ours`: what it may call here. */
export class Thread<Theirs extends object, Ours extends object = object> extends Link<Theirs> {
  readonly #worker: Worker;
  readonly #name: string;
  readonly #unrefIdle: boolean;
  /** Resolves when the thread is gone, with the error that ended it; null where it was asked to end. */
  readonly ended: Promise<Error | null>;

  constructor(file: URL, options: ThreadOptions<Ours>) {
    const { name, data, functions = {}, unrefIdle = false, ...rest } = options;
    const worker = new Worker(file, { ...rest, workerData: data });
    super((message, moved) => worker.postMessage(message, moved));
    this.#worker = worker;
    this.#name = name;
    this.#unrefIdle = unrefIdle;
    worker.on('message', (message: LinkMessage) => this.take(message, functions));
    this.ended = new Promise((resolve) => {
      let cause: Error | null = null;
      worker.on('error', (error: Error) => {
        cause = error;
        this.lost(error);
      });
      worker.on('exit', (code) => {
        this.lost(new Error(`${name} has ended with code ${code}`));
        resolve(cause);
      });
    });
    if (unrefIdle) worker.unref();
  }

  override call<Name extends keyof Theirs & string>(
    name: Name,
    args: Arguments<Theirs[Name]>,
    moved?: readonly ArrayBuffer[],
  ): Promise<Answer<Theirs[Name]>> {
    const answer = super.call(name, args, moved);
    if (this.#unrefIdle) {
      this.#worker.ref();
      const rest = () => {
        if (this.numOut === 0) this.#worker.unref();
      };
      answer.then(rest, rest);
    }
    return answer;
  }

  /** Waits until the thread, which was told to, has ended by itself; for longer than `withinMs` it is not waited for. */
  async end(withinMs = Number.POSITIVE_INFINITY): Promise<void> {
    const timer = Number.isFinite(withinMs) ? setTimeout(() => void this.close(), withinMs) : undefined;
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends the thread wherever it is; calls that are out are rejected. */
  async close(): Promise<void> {
    this.refuse(new Error(`${this.#name} was closed`));
    await this.#worker.terminate();
  }
}

/** The thread that started this one. */
export class Starter<Theirs extends object = object> extends Link<Theirs> {
  constructor() {
    super((message, moved) => parentPort!.postMessage(message, moved));
  }

  /** Answers calls from now on; those that came before have waited. */
  serve(functions: object, doing?: Doing): void {
    parentPort!.on('message', (message: LinkMessage) => this.take(message, functions, doing));
  }

  /** Nothing more is said after this moment's answers: the thread ends when it has nothing left to do. */
  end(): void {
    setImmediate(() => parentPort!.close());
  }
}

/** What the thread was started with. */
export const threadData = <Data>(): Data => workerData as Data;
