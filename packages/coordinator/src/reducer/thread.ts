/** The shell of a reducer: a thread with a broker connection of its own, so that bulk never waits behind control. */
import { setImmediate as turn } from 'node:timers/promises';
import type { TreeNode, Version } from '@unet-fleet/law';
import { NumericMemory } from '@unet-fleet/numerics';
import { Starter, threadData } from '@unet-fleet/shared/threads';
import {
  type BrokerAddress,
  type BulkOutbox,
  FetchError,
  NatsInbox,
  NatsOutbox,
  reducerPeer,
  runTagOf,
  ShmInbox,
  ShmOutbox,
  subjectsOf,
} from '@unet-fleet/wire';
import { connectWhenThere } from '@unet-fleet/wire/transport/connect';
import type { BucketHashes, ModelState, StepUpdate } from './bucket-owner.ts';
import type { TensorPart, TensorRange } from './kept-gradient.ts';
import { Reducer, type ReducerOptions } from './reducer.ts';

export interface ReducerThreadOptions extends ReducerOptions {
  runId: string;
  reducer: number;
  broker: BrokerAddress;
  /** Folder on tmpfs for peers of this host; '' for none. */
  sharedMemoryFolder: string;
}

export interface ReducerListener {
  /** Told of each frame of a worker that is none. */
  onFault(peer: string, what: string): void;
  /** Told of the reason when a reducer finds no broker and looks for it again. */
  onWait(reason: string): void;
}

export type ReducerFunctions = typeof functions;

const starter = new Starter<ReducerListener>();
const options = threadData<ReducerThreadOptions>();
const { runId, term, sharedMemoryFolder } = options;
const peer = reducerPeer(term, options.reducer);
const subjects = subjectsOf(runId);
const runTag = runTagOf(runId);

// The coordinator has found the broker before: if it is gone now it is waited for, as by connections that were up.
const connection = (await connectWhenThere(
  { ...options.broker, name: `unet-fleet reducer ${peer}`, peer },
  Number.POSITIVE_INFINITY,
  (reason) => starter.tell('onWait', reason),
  new AbortController().signal,
))!;
const natsInbox = new NatsInbox(connection, runTag, subjects, peer, (from, what) =>
  starter.tell('onFault', from, what),
);
const natsOutbox = new NatsOutbox(connection, runTag, subjects, peer);
const shmInbox = sharedMemoryFolder ? new ShmInbox(sharedMemoryFolder, runTag) : null;
const shmOutbox = sharedMemoryFolder ? new ShmOutbox(sharedMemoryFolder, runTag, peer) : null;
const outboxes: BulkOutbox[] = shmOutbox ? [natsOutbox, shmOutbox] : [natsOutbox];
/** Made by the first call, which can tell that there is no memory for it. */
let made: Reducer | null = null;

let hashing: Promise<void> | null = null;

/** Hashes what there is to hash, and looks for other work between two buckets. */
function hash(): Promise<void> {
  hashing ??= (async () => {
    while (made?.hashNext()) await turn();
  })().finally(() => {
    hashing = null;
  });
  return hashing;
}

function reducer(): Reducer {
  made ??= new Reducer(new NumericMemory({ shared: true }), options);
  return made;
}

const functions = {
  load: (version: Version, state: ModelState) => reducer().load(version, state, outboxes),

  save: (state: ModelState) => reducer().save(state),

  /** Answers why the node can't be had from this worker; null where it was had. */
  async collect(peer: string, sharesMemory: boolean, version: Version, node: TreeNode, numLeaves: number) {
    const inbox = sharesMemory && shmInbox ? shmInbox : natsInbox;
    try {
      await reducer().collect(inbox, peer, version, node, numLeaves);
    } catch (error) {
      if (error instanceof FetchError) return error.message;
      throw error;
    }
    void hash();
    return null;
  },

  sumsOfSquares: (numLeaves: number) => reducer().sumsOfSquares(numLeaves),

  /** `isWatched`: the gradient is kept for `histograms`. */
  apply: (update: StepUpdate, isWatched: boolean) => reducer().apply(update, outboxes, isWatched),

  /** Of the step that was applied last. */
  async hashes(): Promise<BucketHashes[]> {
    // Taken now: the next step may be applied before all are there.
    const hashes = reducer().hashesOfApplied();
    await hash();
    return hashes();
  },

  /** Of the gradient of this version's commit; null if a later one has taken its place. */
  async histograms(version: Version, tensors: readonly TensorRange[]): Promise<TensorPart[] | null> {
    const parts: TensorPart[] = [];
    for (;;) {
      // Whatever else there is to do comes first.
      await turn();
      const ofBucket = reducer().binNext(version, tensors);
      if (ofBucket === 'done') return parts;
      if (ofBucket === 'replaced') return null;
      parts.push(...ofBucket);
    }
  },

  forgetPeer(peer: string): void {
    natsInbox.cancel(peer);
    shmInbox?.cancel(peer);
  },

  async close(): Promise<void> {
    await Promise.all([...outboxes, natsInbox, shmInbox].map((bulk) => bulk?.close()));
    await connection.close();
    starter.end();
  },
};

starter.serve(functions);
