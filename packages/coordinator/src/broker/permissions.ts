/**
 * What each role may say and hear on the broker. These lists are the whole of a cluster's security between peers: a
 * worker speaks on its own subjects alone, to the coordinator alone, and hears what is for it. Everything that is not
 * here is refused by the server.
 */
import { coordinatorIdentity, disconnectSubject, reducerIdentity } from '@unet-fleet/wire';

export interface Permissions {
  publish: string[];
  subscribe: string[];
}

const run = 'unet-fleet.run.*';

/** Of every coordinator: it may speak to all, in nobody's name but its own. */
export const coordinatorPermissions: Permissions = {
  publish: [
    `${run}.all`,
    `${run}.down.*.*`,
    `${run}.reducers`,
    `${run}.reducer-down.${reducerIdentity}.*`,
    `${run}.fetch.*.*.${coordinatorIdentity}.*`,
    `${run}.frames.*.*.${coordinatorIdentity}.*.*`,
    `${run}.weights.${coordinatorIdentity}.*.*.*`,
    // Answers to requests; each goes to the inbox of the peer that the request's subject names.
    '_INBOX.>',
  ],
  subscribe: [
    'unet-fleet.discover.*.*',
    `${run}.join.*.*`,
    `${run}.up.*.*`,
    `${run}.reducer-up.${reducerIdentity}.*`,
    `${run}.fetch.${coordinatorIdentity}.*.*.*`,
    `${run}.frames.${coordinatorIdentity}.*.*.*.*`,
    disconnectSubject,
    `_INBOX.${coordinatorIdentity}.>`,
  ],
};

/** Of the worker with this identity, whichever run it works for. */
export const workerPermissions = (identity: string): Permissions => ({
  publish: [
    `unet-fleet.discover.${identity}.*`,
    `${run}.join.${identity}.*`,
    `${run}.up.${identity}.*`,
    ...[coordinatorIdentity, reducerIdentity].flatMap((owner) => [
      `${run}.fetch.${owner}.*.${identity}.*`,
      `${run}.frames.${owner}.*.${identity}.*.*`,
    ]),
  ],
  subscribe: [
    `${run}.all`,
    `${run}.down.${identity}.*`,
    `${run}.fetch.${identity}.*.*.*`,
    `${run}.frames.${identity}.*.*.*.*`,
    `${run}.weights.${coordinatorIdentity}.*.*.*`,
    `${run}.weights.${reducerIdentity}.*.*.*`,
    `_INBOX.${identity}.>`,
  ],
});

/** Of every process with reducers: it fetches gradients of workers, and hands weights to them and to the coordinator. */
export const reducerPermissions: Permissions = {
  publish: [
    `${run}.reducer-up.${reducerIdentity}.*`,
    `${run}.fetch.*.*.${reducerIdentity}.*`,
    `${run}.frames.*.*.${reducerIdentity}.*.*`,
    `${run}.weights.${reducerIdentity}.*.*.*`,
  ],
  subscribe: [
    `${run}.all`,
    `${run}.reducers`,
    `${run}.reducer-down.${reducerIdentity}.*`,
    `${run}.fetch.${reducerIdentity}.*.*.*`,
    `${run}.frames.${reducerIdentity}.*.*.*.*`,
    `_INBOX.${reducerIdentity}.>`,
  ],
};

/** Of whoever has this identity. */
export const permissionsOf = (identity: string): Permissions => {
  if (identity === coordinatorIdentity) return coordinatorPermissions;
  return identity === reducerIdentity ? reducerPermissions : workerPermissions(identity);
};
