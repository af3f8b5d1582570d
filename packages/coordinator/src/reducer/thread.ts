/** The shell of a reducer: a thread with a broker connection of its own, so that bulk never waits behind control. */
import { setImmediate as turn } from 'node:timers/promises';
import { NumericMemory } from '@unet-fleet/numerics';
import { Starter, threadData } from '@unet-fleet/shared/threads';
import {
  type BrokerAddress,
  type BulkOutbox,
  natsEnds,
  reducerPeer,
  runTagOf,
  ShmInbox,
  ShmOutbox,
} from '@unet-fleet/wire';
import { connectWhenThere } from '@unet-fleet/wire/transport/connect';
import { reducerFunctions } from './functions.ts';
import { Reducer, type ReducerOptions } from './reducer.ts';

export interface ReducerThreadOptions extends ReducerOptions {
  runId: string;
  reducer: number;
  /** Of the process that it is in. */
  identity: Parameters<typeof reducerPeer>[2];
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

export type ReducerThreadFunctions = typeof functions;

const starter = new Starter<ReducerListener>();
const options = threadData<ReducerThreadOptions>();
const { runId, term, sharedMemoryFolder } = options;
const peer = reducerPeer(term, options.reducer, options.identity);
const runTag = runTagOf(runId);

// The coordinator has found the broker before: if it is gone now it is waited for, as by connections that were up.
const connection = (await connectWhenThere(
  { ...options.broker, name: `unet-fleet reducer ${peer}`, peer },
  Number.POSITIVE_INFINITY,
  (reason) => starter.tell('onWait', reason),
  new AbortController().signal,
))!;
const nats = natsEnds(connection, runId, peer, (from, what) => starter.tell('onFault', from, what));
const shmInbox = sharedMemoryFolder ? new ShmInbox(sharedMemoryFolder, runTag) : null;
const shmOutbox = sharedMemoryFolder ? new ShmOutbox(sharedMemoryFolder, runTag, peer) : null;
const outboxes: BulkOutbox[] = shmOutbox ? [nats.outbox, shmOutbox] : [nats.outbox];

const functions = {
  ...reducerFunctions({
    make: () => new Reducer(new NumericMemory({ shared: true }), options),
    network: nats.inbox,
    sharedMemory: shmInbox,
    outboxes,
    turn,
  }),

  async close(): Promise<void> {
    await Promise.all([nats, shmInbox, shmOutbox].map((bulk) => bulk?.close()));
    starter.end();
  },
};

starter.serve(functions);
