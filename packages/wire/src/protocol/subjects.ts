/**
 * The subjects of a run on the broker. Every subject holds the run's id, so runs on one broker never meet, and each
 * peer speaks on subjects of its own. A peer is `<identity>.<instance>`: the name of its credentials, which a broker's
 * permissions can hold it to, and a part of its own making, new with each start of its process. Where a message has a
 * sender, the last two tokens of its subject say who: that is what the broker vouches for, whatever the message says.
 */

import { randomBytes } from 'node:crypto';

/** Ids that are part of a subject or a file name: made here, checked wherever they come from a peer. */
export const safeId = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The identity of coordinators, which no worker may have. */
export const coordinatorIdentity = 'coordinator';
/** The identity of reducers' processes, and of the reducers in them. */
export const reducerIdentity = 'reducer';
/** The identity of workers whose credentials name none, or are shared. */
export const sharedWorkerIdentity = 'worker';
/** In place of a peer in a subject to listen to. */
export const anyPeer = '*.*';

/** Whether the text is a peer's name, `<identity>.<instance>`. */
export function isPeer(text: string): boolean {
  const tokens = text.split('.');
  return tokens.length === 2 && tokens.every((token) => safeId.test(token));
}

/** The name of a peer. Throws if a part is not a safe token. */
export function peerOf(identity: string, instance: string): string {
  const peer = `${identity}.${instance}`;
  if (!isPeer(peer)) throw new Error(`not a peer's name: ${JSON.stringify(peer)}`);
  return peer;
}

/** A peer's own part of its name, new with each start of its process. */
export const newInstance = (): string => randomBytes(6).toString('hex');

/** The identity that goes with a user name at the broker: the name itself where it is a token for a worker. */
export const workerIdentityOf = (user: string): string =>
  safeId.test(user) && user !== coordinatorIdentity && user !== reducerIdentity ? user : sharedWorkerIdentity;

/**
 * Name of a reducer as a peer of bulk transfers; holds the term, so a reducer of an old one is never asked. `identity`: of
 * the process that it is in.
 */
export const reducerPeer = (
  term: number,
  reducer: number,
  identity: typeof coordinatorIdentity | typeof reducerIdentity = coordinatorIdentity,
): string => peerOf(identity, `t${term}-r${reducer}`);

/** Name of a coordinator where it hands the state to reducers' processes, and takes it back. */
export const statePeer = (term: number): string => peerOf(coordinatorIdentity, `t${term}-state`);

const root = 'unet-fleet';

/** A worker's question which runs there are. */
export const discoverSubject = (workerId: string): string => `${root}.discover.${workerId}`;

/** Prefix of the subjects on which a peer takes answers to its requests. */
export const inboxOf = (peer: string): string => `_INBOX.${peer}`;

export interface Subjects {
  /** What the coordinator tells everyone: pulse and end. */
  all: string;
  /** A worker's request to join, answered with a welcome. */
  join(workerId: string): string;
  /** Worker to coordinator and back. */
  up(workerId: string): string;
  down(workerId: string): string;
  /** What the coordinator tells every reducer's process: that it wants reducers. */
  reducers: string;
  /** A reducer's process to the coordinator and back. */
  reducerUp(reducerId: string): string;
  reducerDown(reducerId: string): string;
  /** Fetches of bulk values that `to` has, for `from`. */
  fetch(to: string, from: string): string;
  /** Prefix of the answers to fetches: frames that `from` sends to `to`, followed by the request's number. */
  frames(to: string, from: string): string;
  /** Prefix of the weights that `from` sends to all who listen at that moment, followed by version and bucket. */
  weights(from: string): string;
}

export function subjectsOf(runId: string): Subjects {
  if (!safeId.test(runId)) throw new Error(`not a run's id: ${JSON.stringify(runId)}`);
  const run = `${root}.run.${runId}`;
  return {
    all: `${run}.all`,
    join: (workerId) => `${run}.join.${workerId}`,
    up: (workerId) => `${run}.up.${workerId}`,
    down: (workerId) => `${run}.down.${workerId}`,
    reducers: `${run}.reducers`,
    reducerUp: (reducerId) => `${run}.reducer-up.${reducerId}`,
    reducerDown: (reducerId) => `${run}.reducer-down.${reducerId}`,
    fetch: (to, from) => `${run}.fetch.${to}.${from}`,
    frames: (to, from) => `${run}.frames.${to}.${from}`,
    weights: (from) => `${run}.weights.${from}`,
  };
}

/** The sender in the subject of a message, or null if there is none: what the broker vouches for. */
export function senderOf(subject: string): string | null {
  const peer = subject.split('.').slice(-2).join('.');
  return isPeer(peer) ? peer : null;
}

/**
 * Where the broker tells the coordinator of each connection that ends: made by the broker's own configuration from its
 * system events, and closed to everybody else.
 */
export const disconnectSubject = `${root}.broker.disconnect`;
