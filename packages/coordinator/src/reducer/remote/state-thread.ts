/**
 * Where a coordinator hands the state to reducers' processes, and takes snapshots of it back: a thread with a connection of
 * its own, as a model's state is gigabytes, and the coordinator's has to hear its workers meanwhile.
 */
import type { Version } from '@unet-fleet/law';
import { Starter, threadData } from '@unet-fleet/shared/threads';
import { type BrokerAddress, FetchError, natsEnds, statePeer } from '@unet-fleet/wire';
import { connectWhenThere } from '@unet-fleet/wire/transport/connect';
import type { ModelState } from '../bucket-owner.ts';
import type { StateShare } from '../share.ts';
import { fetchState, offerState } from './state.ts';

export interface StateThreadOptions {
  runId: string;
  term: number;
  broker: BrokerAddress;
}

export type StateThreadFunctions = typeof functions;

const starter = new Starter();
const { broker, runId, term } = threadData<StateThreadOptions>();
const peer = statePeer(term);
// The coordinator has found the broker before: if it is gone now it is waited for, as by connections that were up.
const connection = (await connectWhenThere(
  { ...broker, name: `unet-fleet state ${peer}`, peer },
  Number.POSITIVE_INFINITY,
  () => {},
  new AbortController().signal,
))!;
const { inbox, outbox, close } = natsEnds(connection, runId, peer);

const functions = {
  /** From now on reducers can fetch this; what was offered before, nobody can any more. */
  async offer(version: Version, state: ModelState, share: StateShare): Promise<void> {
    outbox.withdraw(() => false);
    offerState(outbox, { term, version, snapshot: 0 }, state, share);
    // Whoever is told of it afterwards finds it.
    await connection.flush();
  },

  withdraw: () => outbox.withdraw(() => false),

  /** Fills what a process has of the state. Answers why it can't be had; null where it was had. */
  async fetch(from: string, snapshot: number, state: ModelState, share: StateShare): Promise<string | null> {
    try {
      await fetchState(inbox, from, { term, version: 0, snapshot }, state, share);
      return null;
    } catch (error) {
      if (error instanceof FetchError) return error.message;
      throw error;
    }
  },

  forgetPeer: (gone: string) => inbox.cancel(gone),

  async close(): Promise<void> {
    await close();
    starter.end();
  },
};

starter.serve(functions);
