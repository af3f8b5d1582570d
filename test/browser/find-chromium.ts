/** Where this machine's browser is; the tests download none. vitest.config.ts asks, so this imports nothing of the tests. */
import { findProgram } from '../tools/find-program.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** $CHROMIUM_PATH, or the first known name on the path; null: there is none. */
export const findChromium = (env: NodeJS.ProcessEnv = process.env): string | null =>
  env.CHROMIUM_PATH || findProgram(names, env);
