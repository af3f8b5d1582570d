export * from './shell/run-coordinator.ts';
