/** The end of a run's log, as lines for people. */
import { printable } from '@unet-fleet/law';
import { openPlain } from '@unet-fleet/shared';
import type { LogLine } from '../protocol.ts';

const maxLines = 2_000;
const maxTailBytes = 1024 * 1024;
const maxTextLength = 1_000;

/** Pino's. */
const levels: Record<number, LogLine['level']> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'error',
};
/** Said elsewhere, or of no use to a reader. */
const unshown = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'v', 'type', 'at']);

/** Oldest first; [] where there is no log. */
export async function logTail(path: string): Promise<LogLine[]> {
  const text = await tailOf(path);
  return text
    .split('\n')
    .slice(-maxLines - 1)
    .flatMap((line) => logLineOf(line) ?? []);
}

/** Whole lines only. */
async function tailOf(path: string): Promise<string> {
  const file = await openPlain(path).catch(() => null);
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - maxTailBytes);
    const bytes = Buffer.alloc(size - start);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
    const text = bytes.subarray(0, bytesRead).toString('utf8');
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } finally {
    await file.close();
  }
}

/** null for what is no line of our log. */
export function logLineOf(line: string): LogLine | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { time, level, msg } = value as { time?: unknown; level?: unknown; msg?: unknown };
  const known = levels[Number(level)];
  const atMs = Date.parse(String(time));
  if (!known || Number.isNaN(atMs)) return null;
  const fields = Object.entries(value)
    .filter(([name]) => !unshown.has(name))
    .map(([name, field]) => `${name}=${typeof field === 'string' ? field : JSON.stringify(field)}`);
  const text = [typeof msg === 'string' ? msg : '', ...fields].filter(Boolean).join(' ');
  return { at: new Date(atMs).toISOString(), level: known, text: printable(text, maxTextLength) };
}
