/**
 * Runs under faults, one after the other until all planned faults have struck, and what each must end with: the files
 * of the undisturbed run, byte for byte.
 */
import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes } from '@unet-fleet/law';
import { eventsIn } from '@unet-fleet/record';
import { Fleet } from './fleet.ts';
import { nameOf, type Party, type PlannedFault } from './schedule.ts';
import type { Supervised } from './supervised.ts';

export interface ChaosOptions {
  /** Gets a folder for each run. */
  folder: string;
  /** Gets a line of JSON for each fault. */
  faultLog: string;
  /** Flags that make the run, data included. */
  recipe: readonly string[];
  numWorkers: number;
  /** Processes with reducers in every run; 0: the coordinator reduces. */
  numReducers: number;
  faults: PlannedFault[];
  /** Run folder of the undisturbed run. */
  referenceDir: string;
  /** No fault strikes after this many ms: the run under way goes on to its end. */
  limitMs: number;
  tell(text: string): void;
}

export interface ChaosReport {
  numRuns: number;
  /** By name. */
  faults: Record<string, number>;
  numFaults: number;
  numSteps: number;
  numRedone: number;
  /** Ends of processes, by party and exit code or signal. */
  exits: Record<string, number>;
  /** From a fault that struck alone to the next new commit, in ms. */
  recoveryMs: Record<string, number[]>;
  /** Sentences; none: every run ended with the undisturbed run's files. */
  failures: string[];
  durationMs: number;
}

/** A run that makes no new commit for so long is stuck, whatever happened to it. */
const stuckMs = 90_000;
/** From the end of a process to its next life. */
const startWithinMs = 5_000;
/** The default of --drain-seconds, and time for a busy machine. */
const leaveWithinMs = 40_000;
/** More than this many workers on one machine only wait for each other. */
const maxExtraWorkers = 1;

export async function chaos(options: ChaosOptions): Promise<ChaosReport> {
  const startMs = performance.now();
  const report: ChaosReport = {
    numRuns: 0,
    faults: {},
    numFaults: 0,
    numSteps: 0,
    numRedone: 0,
    exits: {},
    recoveryMs: {},
    failures: [],
    durationMs: 0,
  };
  const pending = [...options.faults];
  do {
    report.numRuns++;
    const folder = join(options.folder, `run-${report.numRuns}`);
    await new Round(options, folder, pending, report, startMs + options.limitMs).run();
    if (report.failures.length > 0) break;
    rmSync(folder, { recursive: true, force: true });
  } while (pending.length > 0 && performance.now() - startMs < options.limitMs);
  report.durationMs = performance.now() - startMs;
  return report;
}

/** One run, from its first step to its last. */
class Round {
  readonly #options: ChaosOptions;
  readonly #folder: string;
  readonly #pending: PlannedFault[];
  readonly #report: ChaosReport;
  readonly #deadlineMs: number;
  #fleet!: Fleet;
  readonly #leaving: Promise<void>[] = [];
  /** The last fault that struck, while no new commit has been seen after it. */
  #unanswered: { name: string; atMs: number; step: number; isAlone: boolean } | null = null;

  constructor(
    options: ChaosOptions,
    folder: string,
    pending: PlannedFault[],
    report: ChaosReport,
    deadlineMs: number,
  ) {
    this.#options = options;
    this.#folder = folder;
    this.#pending = pending;
    this.#report = report;
    this.#deadlineMs = deadlineMs;
  }

  async run(): Promise<void> {
    const { recipe, numReducers, numWorkers } = this.#options;
    mkdirSync(this.#folder, { recursive: true });
    // In turns in shared memory and over NATS, where a broken connection breaks transfers too.
    const carrier = ['--shared-memory', String(this.#report.numRuns % 2 === 1)];
    this.#fleet = await Fleet.start({
      folder: this.#folder,
      recipe: [...recipe, ...carrier, '--reducers', String(numReducers)],
      numReducers,
      numWorkers,
      onFailure: (message) => this.#fail(message),
    });
    try {
      await this.#strikeAll();
      const { progress } = this.#fleet;
      while (!this.#isOver) await this.#commit();
      await Promise.race([Promise.all(this.#leaving), sleep(leaveWithinMs, undefined, { ref: false })]);
      progress.read();
      this.#report.numSteps += progress.highest;
      this.#report.numRedone += progress.numRedone;
      for (const [how, count] of this.#fleet.exits) {
        this.#report.exits[how] = (this.#report.exits[how] ?? 0) + count;
      }
      if (this.#report.failures.length === 0) this.#compare();
    } finally {
      await this.#fleet.close();
    }
  }

  get #isOver(): boolean {
    return this.#fleet.isDone || this.#report.failures.length > 0;
  }

  async #strikeAll(): Promise<void> {
    while (this.#pending.length > 0 && performance.now() < this.#deadlineMs) {
      const next = this.#pending[0]!;
      if (next.after === 'commit') await this.#commit();
      await sleep(next.pauseMs);
      if (this.#isOver) return;
      this.#pending.shift();
      await this.#strike(next);
    }
  }

  /** Waits for a commit that no life of the coordinator had made before. */
  async #commit(): Promise<void> {
    const { progress } = this.#fleet;
    const step = this.#unanswered?.step ?? progress.highest;
    const isOver = () => this.#isOver;
    if (await progress.until(() => progress.highest > step, stuckMs, isOver)) {
      const { name, atMs, isAlone } = this.#unanswered ?? { name: '', atMs: 0, isAlone: false };
      const { recoveryMs } = this.#report;
      if (isAlone) recoveryMs[name] = [...(recoveryMs[name] ?? []), performance.now() - atMs];
      this.#unanswered = null;
    } else if (!this.#isOver) {
      this.#fail(
        `no new commit for ${stuckMs / 1000} s after step ${step}; last lines:\n${this.#fleet.tails()}`,
      );
    }
  }

  async #strike({ fault, pick }: PlannedFault): Promise<void> {
    const fleet = this.#fleet;
    const { numWorkers } = this.#options;
    let target = '';
    let wasDown = false;
    // One that is between two lives is hit right after its start.
    const victim = async (party: Party): Promise<Supervised> => {
      const found = fleet.processOf(party, pick);
      target = found.name;
      wasDown = !found.isUp;
      if (wasDown) await fleet.progress.until(() => found.isUp, startWithinMs);
      return found;
    };
    fleet.progress.read();
    const { step, highest } = fleet.progress;
    switch (fault.kind) {
      case 'kill':
        (await victim(fault.party)).signal('SIGKILL');
        break;
      case 'stop':
        (await victim(fault.party)).stopFor(fault.forMs);
        break;
      case 'cut':
        target = fleet.cut(pick, 0);
        break;
      case 'unreachable':
        target = fleet.cut(pick, fault.forMs);
        break;
      case 'stall':
        target = fleet.stall(pick, fault.direction, fault.forMs);
        break;
      case 'delay':
        target = fleet.delay(pick, fault.latencyMs, fault.forMs);
        break;
      case 'join':
        // The fleet's size stays near what was asked for: who joins beyond it replaces one that leaves.
        if (fleet.numWorkers >= numWorkers + maxExtraWorkers) this.#drain(pick);
        target = await fleet.join();
        break;
      case 'drain':
        if (fault.party === 'coordinator') (await victim(fault.party)).signal('SIGTERM');
        else {
          if (fleet.numWorkers === 1) await fleet.join();
          target = this.#drain(pick);
        }
    }
    const name = nameOf(fault);
    this.#report.faults[name] = (this.#report.faults[name] ?? 0) + 1;
    this.#report.numFaults++;
    const atMs = performance.now();
    this.#unanswered = { name, atMs, step: highest, isAlone: this.#unanswered === null };
    const line = { at: new Date().toISOString(), run: this.#report.numRuns, step, ...fault, target, wasDown };
    appendFileSync(this.#options.faultLog, `${JSON.stringify(line)}\n`);
    if (this.#report.numFaults % 25 === 0) {
      const { tell } = this.#options;
      tell(
        `${this.#report.numFaults} faults, ${this.#pending.length} to come; run ${this.#report.numRuns} at step ${step}`,
      );
    }
  }

  #drain(pick: number): string {
    const { name, ended } = this.#fleet.drain(pick);
    const late = setTimeout(() => this.#fail(`${name} was asked to leave and is still there`), leaveWithinMs);
    const left = ended.then(({ code, signal }) => {
      clearTimeout(late);
      // One that was just starting may not listen for signals yet, and one whose broker was away can't start.
      if (signal === 'SIGTERM' || code === exitCodes.unavailable) return;
      if (code === exitCodes.leftOnRequest || (code === exitCodes.ok && this.#fleet.isDone)) return;
      this.#fail(`${name} was asked to leave and ended with ${signal ?? `code ${code}`}`);
    });
    this.#leaving.push(left);
    return name;
  }

  #fail(message: string): void {
    this.#report.failures.push(`run ${this.#report.numRuns}: ${message}`);
  }

  #compare(): void {
    const { referenceDir } = this.#options;
    const { reason, step, lastCheckpoint } = JSON.parse(this.#fleet.outcome);
    if (reason !== 'completed') {
      this.#fail(`it ended as ${reason} at step ${step}`);
      return;
    }
    for (const difference of differences(referenceDir, this.#fleet.runDir, lastCheckpoint))
      this.#fail(difference);
  }
}

/** What a run decided, step by step, without what timing does. */
const courseOf = (runDir: string): string[] =>
  [...eventsIn(join(runDir, 'metrics.jsonl'))].flatMap((event) => {
    if (event.type !== 'step') return [];
    const { step, epoch, numImages, loss, learningRate, gradientNorm } = event;
    return [JSON.stringify({ step, epoch, numImages, loss, learningRate, gradientNorm })];
  });

/** Sentences that say how a run's course and final files differ from the reference's; none: not in a bit. */
export function differences(referenceDir: string, runDir: string, lastCheckpoint: string): string[] {
  const found: string[] = [];
  const wanted = courseOf(referenceDir);
  const course = courseOf(runDir);
  const first = wanted.findIndex((line, i) => line !== course[i]);
  if (first >= 0) found.push(`step ${first + 1} is ${course[first]} instead of ${wanted[first]}`);
  else if (course.length !== wanted.length)
    found.push(`it has ${course.length} steps instead of ${wanted.length}`);
  const last = join(referenceDir, 'checkpoints', basename(lastCheckpoint));
  for (const file of ['model.safetensors', 'optimizer.safetensors']) {
    if (!readFileSync(join(last, file)).equals(readFileSync(join(lastCheckpoint, file)))) {
      found.push(`${file} of the last checkpoint differs from the undisturbed run's`);
    }
  }
  return found;
}
