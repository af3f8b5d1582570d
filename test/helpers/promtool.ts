/** Where this machine's promtool is, Prometheus's own checker. vitest.config.ts asks, so this imports nothing of the tests. */
import { findProgram } from '../tools/find-program.ts';

/** $PROMTOOL_PATH, or the one on the path; null: there is none. */
export const findPromtool = (env: NodeJS.ProcessEnv = process.env): string | null =>
  env.PROMTOOL_PATH || findProgram(['promtool'], env);
