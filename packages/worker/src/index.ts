export * from './engine/compute-thread.ts';
export * from './engine/tensorflow-engine.ts';
export * from './engine/types.ts';
export * from './inference/index.ts';
export * from './shell/run-worker.ts';
