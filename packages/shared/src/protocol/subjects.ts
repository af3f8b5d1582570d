/**
 * The subjects of a run on the broker. Every subject holds the run's id, so runs on one broker never meet, and each
 * worker speaks on subjects of its own, so a broker's permissions can hold it to them.
 */

/** Ids that are part of a subject or a file name: made here, checked wherever they come from a peer. */
export const safeId = /^[a-z0-9][a-z0-9-]{0,62}$/;

export const discoverSubject = 'unet-fleet.discover';

export interface Subjects {
  /** Requests to join, answered with a welcome. */
  join: string;
  /** What the coordinator tells everyone: pulse and end. */
  all: string;
  /** Worker to coordinator and back. */
  up(workerId: string): string;
  down(workerId: string): string;
  /** Fetches of bulk values from a peer, and the answers' prefix. Peers are workers' ids and reducers' names. */
  bulk(peer: string): string;
  bulkInbox(peer: string): string;
}

export function subjectsOf(runId: string): Subjects {
  if (!safeId.test(runId)) throw new Error(`not a run's id: ${JSON.stringify(runId)}`);
  const root = `unet-fleet.run.${runId}`;
  return {
    join: `${root}.join`,
    all: `${root}.all`,
    up: (workerId) => `${root}.up.${workerId}`,
    down: (workerId) => `${root}.down.${workerId}`,
    bulk: (peer) => `${root}.bulk.${peer}`,
    bulkInbox: (peer) => `${root}.bulk-in.${peer}`,
  };
}

/** The sender's id in the subject of a worker's message: what the broker vouches for, not what the message says. */
export const senderOf = (subject: string): string => subject.slice(subject.lastIndexOf('.') + 1);

/** Name of a reducer as a peer of bulk transfers; holds the term, so a reducer of an old one is never asked. */
export const reducerPeer = (term: number, reducer: number): string => `t${term}-r${reducer}`;
