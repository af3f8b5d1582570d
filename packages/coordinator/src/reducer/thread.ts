/** The shell of a reducer: a thread with a broker connection of its own, so that bulk never waits behind control. */
import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { NumericMemory } from '@unet-fleet/numerics';
import {
  type BulkOutbox,
  NatsInbox,
  NatsOutbox,
  reducerPeer,
  runTagOf,
  ShmInbox,
  ShmOutbox,
  subjectsOf,
} from '@unet-fleet/shared';
import { connectWhenThere } from '@unet-fleet/shared/transport/connect';
import { failureOf } from './failure.ts';
import type { TensorPart } from './kept-gradient.ts';
import type {
  ReducerAnswer,
  ReducerCall,
  ReducerFault,
  ReducerThreadOptions,
  ReducerWait,
} from './protocol.ts';
import { Reducer } from './reducer.ts';

const options = workerData as ReducerThreadOptions;
const { runId, term, sharedMemoryFolder } = options;
const peer = reducerPeer(term, options.reducer);
const subjects = subjectsOf(runId);
const runTag = runTagOf(runId);

// The coordinator has found the broker before: if it is gone now it is waited for, as by connections that were up.
const connection = (await connectWhenThere(
  { ...options.broker, name: `unet-fleet reducer ${peer}`, peer },
  Number.POSITIVE_INFINITY,
  (reason) => {
    const wait: ReducerWait = { waits: reason };
    parentPort!.postMessage(wait);
  },
  new AbortController().signal,
))!;
const natsInbox = new NatsInbox(connection, runTag, subjects, peer, (from, what) => {
  const fault: ReducerFault = { fault: { peer: from, what } };
  parentPort!.postMessage(fault);
});
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

async function answer(call: ReducerCall): Promise<unknown> {
  if (call.type === 'close') return close();
  made ??= new Reducer(new NumericMemory({ shared: true }), options);
  const reducer = made;
  switch (call.type) {
    case 'load':
      return reducer.load(call.version, call, outboxes);
    case 'save':
      return reducer.save(call);
    case 'collect': {
      const inbox = call.sharesMemory && shmInbox ? shmInbox : natsInbox;
      await reducer.collect(inbox, call.peer, call.version, call.node, call.numLeaves);
      void hash();
      return null;
    }
    case 'sums-of-squares':
      return reducer.sumsOfSquares(call.numLeaves);
    case 'apply':
      return reducer.apply(call.update, outboxes, call.isWatched);
    case 'hashes': {
      // Taken now: the next step may be applied before all are there.
      const hashes = reducer.hashesOfApplied();
      await hash();
      return hashes();
    }
    case 'histograms': {
      const parts: TensorPart[] = [];
      for (;;) {
        // Whatever else there is to do comes first.
        await turn();
        const ofBucket = reducer.binNext(call.version, call.tensors);
        if (ofBucket === 'done') return parts;
        if (ofBucket === 'replaced') return null;
        parts.push(...ofBucket);
      }
    }
    case 'forget-peer':
      natsInbox.cancel(call.peer);
      shmInbox?.cancel(call.peer);
      return null;
  }
}

async function close(): Promise<void> {
  await Promise.all([...outboxes, natsInbox, shmInbox].map((bulk) => bulk?.close()));
  await connection.close();
}

parentPort!.on('message', async ({ id, call }: { id: number; call: ReducerCall }) => {
  let reply: ReducerAnswer;
  try {
    reply = { id, ok: true, value: await answer(call) };
  } catch (error) {
    reply = { id, ok: false, failure: failureOf(error) };
  }
  parentPort!.postMessage(reply);
  if (call.type === 'close') parentPort!.close();
});
