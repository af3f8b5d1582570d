/**
 * From a welcome to a member: opens the data, starts the engine, opens the bulk transport. What does not depend on
 * the coordinator's term (engine, data, sample cache) outlives a restart of the coordinator.
 */
import { type Split, sampleCache, samplesOf, splitOf } from '@unet-fleet/dataset';
import { describeModel, wireFormats } from '@unet-fleet/law';
import {
  type BrokerAddress,
  type BulkInbox,
  type BulkOutbox,
  countedInbox,
  countedOutbox,
  natsEnds,
  runTagOf,
  ShmInbox,
  ShmOutbox,
  type Subjects,
  seesSharedMemory,
  type UpMessage,
  type Welcome,
  type WorkerActivity,
} from '@unet-fleet/wire';
import { connectWhenThere } from '@unet-fleet/wire/transport/connect';
import { ComputeThread } from '../engine/compute-thread.ts';
import { openRunData, type RunData, type RunDataOptions } from '../files/run-data.ts';
import { Batches } from './batches.ts';
import { DataThread } from './data-thread.ts';
import { Member } from './member.ts';
import { NodeComputer } from './nodes.ts';
import { Weights } from './weights.ts';
import type { Preparing, WorkerLog } from './worker-shell.ts';

export interface PreparationOptions extends RunDataOptions {
  broker: BrokerAddress;
  workerId: string;
  name: string;
  log: WorkerLog;
  subjects: Subjects;
  /** What the broker takes as one message. */
  maxMessageBytes: number;
  /** Told of each bucket. */
  onActivity?(activity: WorkerActivity): void;
  /** Of another thread that computes, see ComputeThread.start. */
  computeScript?: URL;
}

/** Decoded samples kept by each worker. */
const sampleCacheBytes = 2 * 1024 ** 3;

interface Bulk {
  inbox: BulkInbox;
  outbox: BulkOutbox;
  close(): Promise<void>;
}

export class Preparation implements Preparing {
  readonly #options: PreparationOptions;
  welcome: Welcome | null = null;
  member: Member | null = null;
  #engine: ComputeThread | null = null;
  #data: (Omit<RunData, 'split'> & { split: Split }) | null = null;
  #dataThread: DataThread | null = null;
  readonly #cache = sampleCache(sampleCacheBytes);
  #bulk: Bulk | null = null;
  #sharesMemory = false;
  readonly #closing = new AbortController();

  constructor(options: PreparationOptions) {
    this.#options = options;
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /**
   * Makes the member of the run that the last welcome describes. Throws a UserError when data or engine can't be had.
   */
  async prepare(): Promise<void> {
    const { welcome } = this;
    if (!welcome) throw new Error('prepare without a welcome');
    const { log, subjects } = this.#options;
    const { plan, model: modelConfig, term } = welcome;
    this.member = null;
    this.#data ??= await this.#openData(welcome, subjects);
    if (!this.#data || this.#isClosed) {
      await this.#data?.close();
      return;
    }
    const { config, samples, split, read, prefetch, follow } = this.#data;
    follow(term);
    this.#dataThread ??= new DataThread(config, read);
    const dataThread = this.#dataThread;
    if (!this.#engine) {
      const { device, loss, ignoreIndex, classWeights, intraOpThreads, precision } = welcome;
      this.#engine = await ComputeThread.start(
        { model: modelConfig, device, intraOpThreads, precision, loss, ignoreIndex, classWeights },
        this.#options.computeScript,
      );
      log.info(`engine: ${this.#engine.fingerprint.library} on ${this.#engine.fingerprint.device}`);
    }
    await this.#bulk?.close();
    this.#bulk = this.#isClosed ? null : await this.#openBulk(welcome);
    // Asked to leave meanwhile: what was opened after that would keep the process alive.
    if (this.#isClosed) await this.close();
    if (!this.#bulk) return;
    const model = describeModel(modelConfig);
    const count = (direction: 'received' | 'offered') => (numBytes: number) =>
      this.#options.onActivity?.({ type: 'bulk', direction, numBytes });
    const inbox = countedInbox(this.#bulk.inbox, count('received'));
    const outbox = countedOutbox(this.#bulk.outbox, count('offered'));
    const engine = this.#engine;
    const formats = wireFormats[welcome.wire];
    this.member = new Member({
      term,
      plan,
      numClasses: modelConfig.numClasses,
      retriesInFloat32: welcome.retriesInFloat32,
      channels: modelConfig.inChannels,
      compute: engine,
      batches: new Batches({
        plan,
        train: samplesOf({ samples }, split.training),
        validation: samplesOf({ samples }, split.validation),
        cache: this.#cache,
        load: (sample) => dataThread.load(sample),
        join: (loaded) => dataThread.batch(loaded),
        prefetch,
      }),
      nodes: new NodeComputer(model, {
        format: formats.gradients,
        retriesInFloat32: welcome.retriesInFloat32,
      }),
      weights: new Weights(model, inbox, term, welcome.reducers, formats.weights),
      outbox,
      maxMessageBytes: this.#options.maxMessageBytes,
    });
  }

  /** Whether the engine computes on a GPU; not before it is there. */
  get usesGpu(): boolean {
    return this.#engine?.fingerprint.device.startsWith('gpu ') ?? false;
  }

  announcement({ term, sequence }: { term: number; sequence: number }): UpMessage {
    return {
      type: 'ready',
      term,
      sequence,
      name: this.#options.name,
      fingerprint: this.#engine!.fingerprint,
      numSamples: this.#data!.samples.length,
      manifestSha256: this.#data!.sha256,
      sharesMemory: this.#sharesMemory,
    };
  }

  /** A preparation that is under way closes what it opens, and makes no member. */
  async close(): Promise<void> {
    this.#closing.abort();
    const [bulk, engine, dataThread, data] = [this.#bulk, this.#engine, this.#dataThread, this.#data];
    this.#bulk = null;
    this.#engine = null;
    this.#dataThread = null;
    await bulk?.close();
    await engine?.close();
    await dataThread?.close();
    await data?.close();
  }

  /** Null when another coordinator has taken over before the data was there, or the worker has been asked to leave. */
  async #openData(
    welcome: Welcome,
    subjects: Subjects,
  ): Promise<(Omit<RunData, 'split'> & { split: Split }) | null> {
    const isWanted = () => !this.#isClosed && this.welcome?.term === welcome.term;
    const data = await openRunData(welcome, subjects, this.#options, isWanted, this.#closing.signal);
    if (!data) return null;
    return { ...data, split: splitOf(data, welcome.data.validationShare, welcome.plan.seed) };
  }

  async #openBulk({ runId, sharedMemoryFolder, sharedMemoryToken }: Welcome): Promise<Bulk | null> {
    const { workerId, broker, log } = this.#options;
    const runTag = runTagOf(runId);
    this.#sharesMemory = seesSharedMemory(sharedMemoryFolder, sharedMemoryToken);
    if (this.#sharesMemory) {
      const inbox = new ShmInbox(sharedMemoryFolder, runTag);
      const outbox = new ShmOutbox(sharedMemoryFolder, runTag, workerId);
      return { inbox, outbox, close: async () => void (await Promise.all([inbox.close(), outbox.close()])) };
    }
    // The worker has found the broker before: if it is gone now it is waited for, as by connections that were up.
    const connection = await connectWhenThere(
      { ...broker, name: `${workerId} bulk`, peer: workerId },
      Number.POSITIVE_INFINITY,
      (reason) => log.info(`waiting for the broker: ${reason}`),
      this.#closing.signal,
    );
    return connection && natsEnds(connection, runId, workerId);
  }
}
