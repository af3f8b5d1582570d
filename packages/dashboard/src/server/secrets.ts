/**
 * dashboard.json in the run folder: the tokens of the live page's links and the port it was found at, so that a page that
 * is open when a coordinator dies finds the next one. Readable by the run's owner alone; never served.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWholeSync } from '@unet-fleet/shared';
import { z } from 'zod';
import type { Tokens } from './access.ts';

const fileName = 'dashboard.json';

export interface Remembered {
  tokens: Tokens;
  /** Port that was found, and the one that had been asked for. */
  port: number;
  wantedPort: number;
}

const token = z.string().regex(/^[\w-]{22,64}$/);
const port = z.number().int().min(0).max(65_535);
const schema: z.ZodType<Remembered> = z.object({
  tokens: z.object({ view: token, control: token }),
  port,
  wantedPort: port,
});

export const newTokens = (): Tokens => ({ view: newToken(), control: newToken() });

/** 128 bits. */
const newToken = (): string => randomBytes(16).toString('base64url');

/** null where nothing usable is remembered. */
export function remembered(runDir: string): Remembered | null {
  try {
    return schema.parse(JSON.parse(readFileSync(join(runDir, fileName), 'utf8')));
  } catch {
    return null;
  }
}

/** False if the folder can't be written: the links will then be others after a restart. */
export function remember(runDir: string, values: Remembered): boolean {
  try {
    writeWholeSync(join(runDir, fileName), `${JSON.stringify(values)}\n`, 0o600);
    return true;
  } catch {
    return false;
  }
}
