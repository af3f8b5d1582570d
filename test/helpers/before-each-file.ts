/**
 * Before every test file: properties draw the same inputs at each run, so that what passes once passes always (other
 * seeds are tried with PROPERTY_SEED=<n>; `pnpm fuzz` looks for what none of them has found). And folders that were made
 * for the file go with it.
 */
import fc from 'fast-check';
import { removeMadeFolders } from './made-folders.ts';

fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 42) });
removeMadeFolders();
