export * from './shell/run-worker.ts';
