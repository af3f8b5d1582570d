/**
 * The control plane of a large fleet in virtual time: the product's conductor with its core, a shell with its session for
 * each worker, and between them the messages as they are on the wire, encoded and checked. Gradients, weights and photos
 * are left out, so what is measured is what a coordinator's one main thread does for the size of its fleet alone.
 */
import { loadConfig } from '@unet-fleet/config/load';
import { handle } from '@unet-fleet/coordinator/core/handle';
import type { CoreEvent, CoreState } from '@unet-fleet/coordinator/core/types';
import { Conductor } from '@unet-fleet/coordinator/shell/conductor';
import { eventOf } from '@unet-fleet/coordinator/shell/fleet';
import {
  initialEarlyStopping,
  initialSchedule,
  leavesOf,
  type PlanConfig,
  stepPlan,
  stepsPerEpoch,
} from '@unet-fleet/law';
import { pause } from '@unet-fleet/shared';
import type { DownMessage, Unsent, UpMessage, Welcome } from '@unet-fleet/wire';
import { decode, downMessage, encode, upMessage } from '@unet-fleet/wire/protocol/messages';
import type { ResultMessage } from '@unet-fleet/worker/session/types';
import type { Member } from '@unet-fleet/worker/shell/member';
import { WorkerShell } from '@unet-fleet/worker/shell/worker-shell';
import { SimulatedProcess, type World } from '../process.ts';
import { EventQueue } from '../queue.ts';
import { Random } from '../random.ts';
import { Tally } from './tally.ts';

export interface FleetOptions {
  numWorkers: number;
  numSteps: number;
  /** Of each worker in a step. */
  leavesPerWorker: number;
  seed: number;
}

const delayMs = { least: 1, most: 5 };
const leafMs = { least: 200, most: 260 };
const transferMs = { least: 5, most: 15 };
const noTimings = { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 };
const sessionConfig = {
  heartbeatMs: 1_000,
  resendMs: 3_000,
  silenceMs: 15_000,
  drainMs: 1_000,
  hungMs: 60_000,
  aloneMs: Number.POSITIVE_INFINITY,
};

/** Runs the fleet to the end of its steps, and says what that took. Throws where the run does not end as it must. */
export async function runFleet(options: FleetOptions): Promise<Tally> {
  return new CrowdedFleet(options).run();
}

class CrowdedFleet implements World {
  nowMs = 0;
  hasSettled = false;
  readonly queue = new EventQueue();
  readonly #random: Random;
  readonly #tally = new Tally();
  readonly #options: FleetOptions;
  readonly #plan: PlanConfig;
  readonly #process = new SimulatedProcess(this, 'coordinator', 0, 1);
  readonly #conductor: Conductor;
  readonly #workers = new Map<string, (bytes: Uint8Array) => void>();
  #numSaid = 0;
  #ending: string | null = null;

  constructor(options: FleetOptions) {
    const { numWorkers, numSteps, leavesPerWorker, seed } = options;
    this.#options = options;
    this.#random = new Random(seed, 9);
    const batchSize = numWorkers * leavesPerWorker;
    this.#plan = {
      numTrainSamples: batchSize * numSteps,
      numValidationSamples: numWorkers,
      ...{ batchSize, leafSize: 1, epochs: 1, seed },
    };
    const { train } = loadConfig({ flags: { batchSize, leafSize: 1, epochs: 1, schedule: 'constant' } });
    this.#conductor = new Conductor({
      config: {
        plan: this.#plan,
        validateEvery: 0,
        checkpointEvery: 100,
        minWorkers: numWorkers,
        numClasses: 2,
        loss: 'cross-entropy',
        silenceMs: 10_000,
        resendMs: 3_000,
        maxLeafAttempts: 8,
        checkpointMs: 0,
        onCheckpointFailure: 'continue',
        stopMs: 15_000,
        onNonFinite: 'stop',
      },
      progress: {
        version: 0,
        validationPending: false,
        schedule: initialSchedule(train, stepsPerEpoch(this.#plan)),
        earlyStopping: initialEarlyStopping(train),
        best: null,
      },
      train,
      interventions: [],
      clock: this.#process,
      decide: (state, event) => this.#decide(state, event),
    });
  }

  async run(): Promise<Tally> {
    this.#conductor.connect({
      send: (workerId, message) => this.#tell([workerId], message),
      broadcast: (message) => this.#tell([...this.#workers.keys()], message),
      reducers: {
        expect: async () => {},
        collect: () => this.#spend(transferMs),
        sumsOfSquares: async () => [],
        apply: () => this.#spend(transferMs),
      },
      sharesMemory: () => false,
      forget: async () => {},
      samplesOf: () => [],
      record: ({ numLeaves, answers }) => {
        const numAnswered = answers.reduce((sum, { leaves }) => sum + leaves.length, 0);
        if (numAnswered !== numLeaves) throw new Error(`a step has ${numAnswered} of ${numLeaves} leaves`);
        this.#tally.numSteps++;
      },
      writeCheckpoint: () => this.#spend(transferMs),
      counted() {},
      emit() {},
    });
    this.#conductor.ended.then(
      ({ reason }) => this.#end(reason),
      (error: Error) => this.#end(error.message),
    );
    this.#conductor.start();
    for (let i = 1; i <= this.#options.numWorkers; i++) this.#startWorker(`local-${i}.0`);
    while (this.#ending === null) {
      const next = this.queue.pop();
      if (!next) throw new Error('the run does not end');
      this.nowMs = next.atMs;
      next.run();
      if (!this.hasSettled) continue;
      this.hasSettled = false;
      await new Promise<void>((resolve) => process.nextTick(resolve));
    }
    const { numSteps } = this.#options;
    if (this.#ending !== 'completed' || this.#tally.numSteps !== numSteps) {
      throw new Error(`the run ended after ${this.#tally.numSteps} of ${numSteps} steps: ${this.#ending}`);
    }
    this.#tally.virtualMs = this.nowMs;
    return this.#tally;
  }

  #end(how: string): void {
    this.#ending = how;
  }

  #decide(state: CoreState, event: CoreEvent) {
    const startMs = performance.now();
    const effects = handle(state, event);
    this.#tally.decided(event.type, performance.now() - startMs);
    return effects;
  }

  /** Time of the coordinator's own parts, which others take. */
  #spend({ least, most }: { least: number; most: number }): Promise<void> {
    return pause(this.#process, this.#random.between(least, most));
  }

  #later(work: () => void): void {
    this.queue.push(this.nowMs + this.#random.between(delayMs.least, delayMs.most), work);
  }

  /** Encoded once, however many hear it: the broker copies it. */
  #tell(workerIds: string[], message: Unsent<DownMessage>): void {
    const startMs = performance.now();
    const bytes = encode({ ...message, term: 1, sequence: ++this.#numSaid });
    this.#tally.coded(performance.now() - startMs);
    this.#tally.down(message.type, bytes.byteLength, workerIds.length);
    for (const workerId of workerIds) this.#later(() => this.#workers.get(workerId)!(bytes));
  }

  #hear(workerId: string, bytes: Uint8Array): void {
    const startMs = performance.now();
    const message = decode(upMessage, bytes)!;
    const isHeard = this.#conductor.hears(workerId, message);
    this.#tally.coded(performance.now() - startMs);
    this.#tally.up(message.type, bytes.byteLength);
    if (isHeard && message.type !== 'segmented') this.#conductor.feed(eventOf(workerId, message));
  }

  #startWorker(workerId: string): void {
    const process = new SimulatedProcess(this, workerId, 0, 1);
    const shell = new WorkerShell(
      sessionConfig,
      {
        preparation: {
          welcome: null,
          member: this.#memberOf(process),
          prepare: () => pause(process, 1),
          announcement: ({ term, sequence }): UpMessage => ({
            ...{
              type: 'ready',
              term,
              sequence,
              name: workerId,
              numSamples: 1,
              manifestSha256: '0'.repeat(64),
            },
            ...{
              fingerprint: { library: 'none', device: 'none', intraOpThreads: 1, precision: 'float32' },
              sharesMemory: false,
            },
          }),
        },
        join: async () => {
          await pause(process, delayMs.most);
          return { type: 'welcome', term: 1 } as Welcome;
        },
        send: (message) => {
          const bytes = encode(message);
          this.#later(() => this.#hear(workerId, bytes));
        },
        segment() {},
        tell() {},
        log: { info() {}, debug() {} },
      },
      process,
    );
    shell.ended.catch((error: Error) => this.#end(`${workerId}: ${error.message}`));
    this.#workers.set(workerId, (bytes) => shell.receive(decode(downMessage, bytes)!));
    process.after(0, () => shell.start());
  }

  /** Computes whatever it is leased in a while. */
  #memberOf(process: SimulatedProcess): Member {
    const compute: Member['compute'] = async ({ kind, version }, node) => {
      const isTraining = kind === 'train';
      const numLeaves = isTraining
        ? stepPlan(this.#plan, version).numLeaves
        : this.#plan.numValidationSamples;
      const leaves = leavesOf(node, numLeaves);
      await pause(process, leaves.length * this.#random.between(leafMs.least, leafMs.most));
      const sums = { lossSum: 1, weightSum: 1, gradientNorm: 1, isFinite: true };
      const result: ResultMessage = {
        ...{ type: 'result', term: 1, kind, version, node, timings: noTimings },
        leaves: leaves.map(() => sums),
        confusion: isTraining ? null : { indices: [0], counts: [1] },
      };
      return [result];
    };
    return { compute, handOver() {}, forget() {}, forgetBefore() {}, followed: [] } as unknown as Member;
  }
}
