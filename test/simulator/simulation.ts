/**
 * One schedule from beginning to end: virtual time, what happens to whom, and the verdict. The same schedule gives the
 * same course to the last bit, whatever ran before it.
 *
 * Thousands follow each other, so what one makes must go with it. V8 allocates a function among the old objects where its
 * literal is assigned to a property (`endpoint.onLost = () => ...`) or is a getter's: it would keep its whole schedule until
 * a full collection, and every small one would copy that. So none is assigned here; functions are handed over as arguments.
 */
import { awaited } from '@unet-fleet/coordinator/core/awaited';
import { handle } from '@unet-fleet/coordinator/core/handle';
import { hears } from '@unet-fleet/coordinator/core/peers';
import { NumericMemory } from '@unet-fleet/numerics';
import type { DownMessage, UpMessage } from '@unet-fleet/wire';
import { hears as hearsCoordinator } from '@unet-fleet/worker/session/conversation';
import { handleSession } from '@unet-fleet/worker/session/session';
import { ToyTmpfs } from './bulk.ts';
import { type Cluster, Disk, type LastWords, type Mutant, type Settings } from './cluster.ts';
import { person } from './controls.ts';
import { Coordinator } from './coordinator.ts';
import { Violation } from './invariants.ts';
import { type Block, Network } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import { EventQueue } from './queue.ts';
import { Random } from './random.ts';
import type { ReducerProcess } from './reducer-process.ts';
import { type Reference, referenceOf } from './reference.ts';
import type { Schedule } from './schedules.ts';
import { Trace } from './trace.ts';
import { WorkerProcess } from './worker.ts';

export interface Verdict {
  /** null: every invariant held, and the run ended as it must. */
  violation: { invariant: string; message: string } | null;
  traceHash: number;
  lines: string[];
  numEvents: number;
  virtualMs: number;
  numCommits: number;
  numTerms: number;
}

/** After the last trouble: workers that stay slow, the longest pause of one that was set aside, and time to train. */
const boundMs = 400_000;
const maxEvents = 400_000;

/** Vectors of ended schedules are not reused, so the memory is renewed now and then. */
let memory = new NumericMemory({ shared: true });
let numUses = 0;

function currentMemory(): NumericMemory {
  if (++numUses % 2_000 === 0) memory = new NumericMemory({ shared: true });
  return memory;
}

export async function simulate(
  schedule: Schedule,
  options: { mutant?: Mutant | null; traces?: boolean } = {},
): Promise<Verdict> {
  const simulation = new Simulation(schedule, options.mutant ?? null, options.traces ?? false);
  return simulation.run();
}

/** Whom an action is about. */
interface Target {
  process: SimulatedProcess;
  reducer?: ReducerProcess;
  worker?: WorkerProcess;
  coordinator?: Coordinator;
}

class Simulation implements Cluster {
  nowMs = 0;
  readonly queue = new EventQueue();
  readonly random: Random;
  readonly trace: Trace;
  readonly network: Network;
  readonly reference: Reference;
  readonly settings: Settings;
  readonly disk = new Disk();
  readonly memory = currentMemory();
  readonly mutant: Mutant | null;
  readonly handle: typeof handle;
  readonly handleSession: typeof handleSession;
  readonly hears: typeof hears;
  readonly hearsCoordinator: typeof hearsCoordinator;
  readonly coordinators: Coordinator[] = [];
  readonly workers = new Map<string, WorkerProcess>();
  hasSettled = false;
  numCommits = 0;
  readonly #schedule: Schedule;
  /** By slot. */
  readonly #processOf = new Map<string, WorkerProcess>();
  /** Dead ones too: workers may not know yet. */
  readonly #byTerm = new Map<number, Coordinator>();
  /** By slot. */
  readonly #lastWords = new Map<string, LastWords>();
  /** By term. */
  readonly #tmpfs: ToyTmpfs[] = [];
  #numInstances = 0;
  #isOver = false;
  #violation: Violation | null = null;
  #hasHealed = false;
  #numEvents = 0;

  constructor(schedule: Schedule, mutant: Mutant | null, traces: boolean) {
    this.#schedule = schedule;
    this.settings = schedule.settings;
    this.mutant = mutant;
    this.random = new Random(schedule.seed, 3);
    this.trace = new Trace(traces, this);
    this.reference = referenceOf(schedule.planIndex, []);
    this.handle = mutant?.handle?.(handle) ?? handle;
    this.handleSession = mutant?.handleSession?.(handleSession) ?? handleSession;
    this.hears = mutant?.hears?.(hears) ?? hears;
    this.hearsCoordinator = mutant?.hearsCoordinator?.(hearsCoordinator) ?? hearsCoordinator;
    this.network = new Network(this, this.random, new Random(schedule.seed, 4), ({ process }) =>
      this.#tellDisconnect(process),
    );
    this.network.noise = schedule.noise;
  }

  async run(): Promise<Verdict> {
    const { script, healsAtMs } = this.#schedule;
    for (const { atMs, words } of script) this.queue.push(atMs, () => this.#act(words));
    this.queue.push(healsAtMs, () => this.#heal());
    const violation = await this.#untilOver();
    if (violation) this.trace.note('', () => `VIOLATED ${violation.invariant}: ${violation.message}`);
    return {
      violation: violation && { invariant: violation.invariant, message: violation.message },
      traceHash: this.trace.hash >>> 0,
      lines: this.trace.lines,
      numEvents: this.#numEvents,
      virtualMs: this.nowMs,
      numCommits: this.numCommits,
      numTerms: this.disk.term,
    };
  }

  async #untilOver(): Promise<Violation | null> {
    try {
      while (!this.#isOver) {
        const next = this.queue.pop();
        if (!next || next.atMs > this.#schedule.healsAtMs + boundMs || this.#numEvents > maxEvents) {
          this.violate('liveness', `the run does not end: ${this.#whatIsAwaited()}`);
        }
        this.#numEvents++;
        this.nowMs = next.atMs;
        this.trace.mark(next.atMs * 64);
        next.run();
        if (this.hasSettled) {
          this.hasSettled = false;
          // Whoever awaits what has settled goes on, as far as it can: a tick comes when no promise has more to do.
          await new Promise<void>((resolve) => process.nextTick(resolve));
        }
        if (this.#violation) break;
      }
    } catch (error) {
      this.broken(error);
    }
    return this.#violation;
  }

  #whatIsAwaited(): string {
    const [coordinator] = this.coordinators.slice(-1);
    if (!coordinator) return 'there is no coordinator';
    return awaited(coordinator.conductor.state)
      .map(({ who, what, why }) => `${who}: ${what}, ${why}`)
      .join('; ');
  }

  lastWordsOf(name: string): LastWords {
    const known = this.#lastWords.get(name) ?? { said: new Map(), told: new Map() };
    this.#lastWords.set(name, known);
    return known;
  }

  tmpfsOf(term: number): ToyTmpfs {
    this.#tmpfs[term] ??= new ToyTmpfs();
    return this.#tmpfs[term];
  }

  saidAgain(workerId: string, message: UpMessage): void {
    for (const coordinator of this.coordinators) {
      this.network.arrive(coordinator.endpoint, () => coordinator.receive(workerId, message));
    }
  }

  referenceOf(term: number): Reference {
    return this.#byTerm.get(term)!.reference;
  }

  currentReference(): Reference {
    return referenceOf(this.#schedule.planIndex, this.disk.interventions);
  }

  violate(invariant: string, message: string): never {
    // Thrown into a promise, it may be caught on the way.
    this.#violation ??= new Violation(invariant, message);
    throw this.#violation;
  }

  broken(error: unknown): void {
    this.#violation ??=
      error instanceof Violation ? error : new Violation('exceptions', `${(error as Error).stack}`);
  }

  finished(): void {
    this.#isOver = true;
  }

  /** The broker tells coordinators that a connection was closed. */
  #tellDisconnect(process: SimulatedProcess): void {
    const peer = process.name;
    const { mostDisconnectMs } = this.settings;
    if (mostDisconnectMs === null || peer.startsWith('coordinator')) return;
    for (const coordinator of this.coordinators) {
      this.queue.push(this.nowMs + this.random.between(0.5, mostDisconnectMs), () => {
        if (!this.network.isUp || !coordinator.endpoint.isConnected) return;
        coordinator.process.run(() => coordinator.disconnected(peer));
      });
    }
  }

  coordinatorEnded(coordinator: Coordinator, how: string): void {
    this.trace.note(coordinator.process.name, () => how);
    this.coordinators.splice(this.coordinators.indexOf(coordinator), 1);
    if (this.#schedule.restarts) this.#later(() => this.#startCoordinator());
  }

  workerEnded(worker: WorkerProcess, how: string): void {
    this.trace.note(worker.workerId, () => how);
    const { workerId } = worker;
    this.workers.delete(workerId);
    const parent = this.coordinators.at(-1);
    if (this.settings.seesWorkersEnd && parent) {
      const gone = { type: 'worker-gone', workerId, reason: how, isFailure: !how.includes('(') } as const;
      this.queue.push(this.nowMs + this.random.between(1, 50), () =>
        parent.process.run(() => parent.conductor.feed(gone)),
      );
    }
    const { restarts, numHealed } = this.#schedule;
    if (restarts && this.#hasHealed && worker.slot <= numHealed)
      this.#later(() => this.#startWorker(worker.slot));
  }

  #later(work: () => void): void {
    this.queue.push(this.nowMs + this.random.between(200, 3_000), work);
  }

  #startWorker(slot: number): void {
    const name = `worker-${slot}`;
    if (this.#processOf.get(name)?.process.isAlive) return;
    const worker = new WorkerProcess(this, slot, ++this.#numInstances);
    this.#processOf.set(name, worker);
    this.workers.set(worker.workerId, worker);
  }

  /** Refused while one is alive that is not taken for dead. */
  #startCoordinator(): void {
    if (this.coordinators.some(({ process, isFenced }) => !process.isStopped && !isFenced)) return;
    const coordinator = new Coordinator(this);
    this.#byTerm.set(coordinator.term, coordinator);
    // It may have ended within its first event.
    if (coordinator.process.isAlive) this.coordinators.push(coordinator);
  }

  #target(name: string): Target | null {
    if (name.startsWith('worker')) {
      const worker = this.#processOf.get(name);
      return worker?.process.isAlive ? { process: worker.process, worker } : null;
    }
    if (name.startsWith('reducer')) {
      const place = Number(name.slice('reducer-'.length)) - 1;
      const reducer = this.coordinators.at(-1)?.processes[place];
      return reducer?.process.isAlive ? { process: reducer.process, reducer } : null;
    }
    const coordinator = name === 'coordinator-oldest' ? this.coordinators[0] : this.coordinators.at(-1);
    return coordinator ? { process: coordinator.process, coordinator } : null;
  }

  #act(words: string[]): void {
    if (this.#hasHealed) return;
    const [verb, name = '', ...rest] = words;
    this.trace.note('*', () => words.join(' '));
    if (name === 'broker') {
      verb === 'kill' ? this.network.killBroker() : this.network.startBroker();
      return;
    }
    if (verb === 'disk') {
      this.disk.isFailing = name === 'fails';
      return;
    }
    if (verb === 'start') {
      name === 'coordinator'
        ? this.#startCoordinator()
        : this.#startWorker(Number(name.slice('worker-'.length)));
      return;
    }
    if (verb === 'repeat') {
      const last = this.lastWordsOf(name).said.get(rest[0] as UpMessage['type']);
      if (last) this.saidAgain(last.workerId, last.message);
      return;
    }
    const target = this.#target(name);
    if (target) this.#actOn(target, verb!, rest);
  }

  #actOn({ process, worker, coordinator, reducer }: Target, verb: string, rest: string[]): void {
    const party = (worker ?? coordinator ?? reducer)!;
    switch (verb) {
      case 'kill':
        party.kill('is killed');
        return;
      case 'drain':
        worker?.askToLeave();
        coordinator?.askToStop();
        return;
      case 'send':
        for (const { process: newest, controls } of this.coordinators.slice(-1)) {
          newest.run(() => controls.drain(worker!.workerId, person));
        }
        return;
      case 'pause':
      case 'resume':
      case 'keep':
      case 'last':
      case 'rate':
        if (coordinator) process.run(() => coordinator.steer(verb, rest));
        return;
      case 'stop':
        process.stop();
        return;
      case 'continue':
        process.continue();
        return;
      case 'crash':
        process.crashAfterEffects = Number(rest[1]);
        return;
      case 'slow':
        if (worker) worker.slowness = Number(rest[0]);
        return;
      case 'break':
        worker?.breakDown();
        return;
      case 'retell': {
        const last = worker?.lastWords.told.get(rest[0] as DownMessage['type']);
        if (last) this.network.arrive(worker!.endpoint, () => worker!.receive(last));
        return;
      }
      case 'confuse':
        if (worker?.process.isStopped === false) worker.sendRubbish();
        return;
      case 'jump':
        process.jumpClock(Number(rest[0]));
        return;
      case 'cut': {
        const [direction, block, , , closes] = rest;
        const closesAfterMs = closes === undefined ? null : Number(closes);
        this.network.block(party.endpoint, direction as 'in', block as Block, closesAfterMs);
        return;
      }
      case 'mend':
        this.network.unblock(party.endpoint);
        return;
      case 'reset':
        this.network.reset(party.endpoint);
        return;
      default:
        throw new Error(`unknown action ${verb}`);
    }
  }

  /** Everything works again, and whoever is missing comes back. */
  #heal(): void {
    this.trace.note('*', () => 'heal');
    this.#hasHealed = true;
    this.disk.isFailing = false;
    const isLost = ({ slot }: WorkerProcess) => slot > this.#schedule.numHealed;
    for (const worker of this.workers.values()) if (isLost(worker)) this.network.forget(worker.endpoint);
    this.network.heal();
    for (const party of [...this.coordinators, ...this.workers.values()]) {
      if (party instanceof WorkerProcess && isLost(party)) continue;
      party.process.crashAfterEffects = null;
      if (party instanceof WorkerProcess) party.slowness = 1;
      party.process.continue();
      if (party instanceof Coordinator) party.process.after(0, () => party.controls.resume(person));
    }
    for (const { process } of this.coordinators.flatMap(({ processes }) => processes)) process.continue();
    if (!this.#schedule.restarts) return;
    this.#startCoordinator();
    for (let slot = 1; slot <= this.#schedule.numHealed; slot++) this.#startWorker(slot);
  }
}
