/**
 * What coordinator and workers say to each other, and how it travels: control messages and their subjects, bulk frames and
 * their carriers, join URLs and credentials. It is loaded by each thread that has a connection, so schemas and the client of
 * NATS are imported by their own paths, and only their types are here.
 */
export * from './protocol/bounded-msgpack.ts';
export type * from './protocol/file-messages.ts';
export * from './protocol/fingerprint.ts';
export type * from './protocol/messages.ts';
export * from './protocol/peer-faults.ts';
export type * from './protocol/reducer-messages.ts';
export * from './protocol/subjects.ts';
export * from './transport/asking.ts';
export * from './transport/broker-url.ts';
export * from './transport/bulk.ts';
export * from './transport/bulk-port.ts';
export type * from './transport/connect.ts';
export * from './transport/counted-bulk.ts';
export type * from './transport/credentials.ts';
export * from './transport/dialogue.ts';
export * from './transport/frame.ts';
export type * from './transport/join.ts';
export * from './transport/join-url.ts';
export * from './transport/link.ts';
export * from './transport/nats-ends.ts';
export * from './transport/nats-inbox.ts';
export * from './transport/nats-outbox.ts';
export * from './transport/payload.ts';
export * from './transport/shared-folder.ts';
export * from './transport/shm-bulk.ts';
export type * from './transport/shm-files.ts';
export * from './transport/turns.ts';
export * from './worker-activity.ts';
