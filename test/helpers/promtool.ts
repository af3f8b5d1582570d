/** Where this machine's promtool is, Prometheus's own checker. vitest.config.ts asks, so this imports nothing of the tests. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** $PROMTOOL_PATH, or the one on the path; null: there is none. */
export function findPromtool(env: NodeJS.ProcessEnv = process.env): string | null {
  if (env.PROMTOOL_PATH) return env.PROMTOOL_PATH;
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, 'promtool')).find((path) => existsSync(path)) ?? null;
}
