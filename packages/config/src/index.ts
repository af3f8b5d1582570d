/**
 * From options to a config: flags, environment and file, their checks, and what two configs have to have in common. What
 * loads a library for it (load.ts) is imported by its own path.
 */
export * from './checks.ts';
export * from './file.ts';
export * from './identity.ts';
export type * from './load.ts';
export * from './nearest.ts';
export * from './parse.ts';
