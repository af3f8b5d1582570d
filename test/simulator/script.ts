/**
 * What happens to a simulated cluster, as text: `at 1200 kill worker-2`. Scenario files are written in it, the random
 * schedules are made of it, and a failing seed prints it.
 */
export interface Action {
  atMs: number;
  words: string[];
}

export const action = (atMs: number, text: string): Action => ({
  atMs: Math.round(atMs),
  words: text.split(' '),
});

export const formatAction = ({ atMs, words }: Action): string => `at ${atMs} ${words.join(' ')}`;

/** Throws an Error that names the line. */
export function parseAction(line: string): Action {
  const [at, time, ...words] = line.trim().split(/\s+/);
  const atMs = Number(time);
  if (at !== 'at' || !Number.isFinite(atMs) || words.length === 0) throw new Error(`not an action: ${line}`);
  return { atMs, words };
}
