/**
 * What every process needs of its machine: files, folders, threads, and what the system refuses, in words. It is loaded by
 * each process and each thread, so it loads no library; threads and the log are imported by their own paths.
 */
export * from './at-exit.ts';
export * from './bounded-file.ts';
export * from './cache.ts';
export * from './clock.ts';
export * from './folders.ts';
export type * from './log.ts';
export { type Processor, thisProcessor } from './processor.ts';
export * from './steady-file.ts';
export * from './system-error.ts';
export * from './whole-file.ts';
