/** Set-up: programs and libraries from their registries into the cache of the user, once, by one process at a time. */
export * from './command.ts';
export * from './lock.ts';
export * from './pip.ts';
export * from './platform.ts';
export * from './report.ts';
export * from './wheel.ts';
