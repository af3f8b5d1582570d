/**
 * What every package may use. It is loaded by each process and each thread, so that it loads no library but one that
 * compares names: what needs others (brokers, schemas, the config's sources, the log) is imported by its own path, and
 * only its types are here.
 */
export * from './at-exit.ts';
export * from './bounded-file.ts';
export * from './config/checks.ts';
export * from './config/file.ts';
export * from './config/identity.ts';
export type * from './config/load.ts';
export * from './config/nearest.ts';
export * from './config/parse.ts';
export * from './event-text.ts';
export * from './folders.ts';
export * from './install/cache.ts';
export * from './install/command.ts';
export * from './install/lock.ts';
export * from './install/pip.ts';
export * from './install/platform.ts';
export * from './install/report.ts';
export * from './install/wheel.ts';
export type * from './log.ts';
export { type Processor, processorFrom, thisProcessor } from './processor.ts';
export * from './protocol/bounded-msgpack.ts';
export type * from './protocol/file-messages.ts';
export * from './protocol/fingerprint.ts';
export type * from './protocol/messages.ts';
export * from './protocol/peer-faults.ts';
export * from './protocol/subjects.ts';
export * from './steady-file.ts';
export * from './system-error.ts';
export * from './transport/broker-url.ts';
export * from './transport/bulk.ts';
export type * from './transport/connect.ts';
export type * from './transport/credentials.ts';
export * from './transport/frame.ts';
export type * from './transport/join.ts';
export * from './transport/join-url.ts';
export * from './transport/link.ts';
export * from './transport/nats-inbox.ts';
export * from './transport/nats-outbox.ts';
export * from './transport/payload.ts';
export * from './transport/shm-bulk.ts';
export * from './transport/turns.ts';
export * from './whole-file.ts';
export * from './worker-activity.ts';
