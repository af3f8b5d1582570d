export * from './broker/credentials/write.ts';
export * from './broker/embedded.ts';
export * from './broker/find.ts';
export * from './shell/run-coordinator.ts';
