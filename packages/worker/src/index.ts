export * from './inference/index.ts';
export * from './shell/run-worker.ts';
