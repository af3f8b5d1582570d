/**
 * Scenario files: a script that a person reads, and below it what happened. Told are the decisions and what led to
 * them; heartbeats, pulses and ticks are not.
 *
 *   # What this is about.
 *   plan leaves=4 steps=2
 *   set workers=2 compute=100
 *   at 0 start coordinator
 *   ---
 *      0.0  coordinator-1   takes term 1 and begins with version 0
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Settings } from './cluster.ts';
import { quiet } from './network.ts';
import type { Schedule } from './schedules.ts';
import { type Action, parseAction } from './script.ts';
import { simulate, type Verdict } from './simulation.ts';

/** Beside the sources, from there and from what is compiled of them. */
const folder = fileURLToPath(
  new URL(
    import.meta.url.includes('/dist/') ? '../../simulator/scenarios/' : './scenarios/',
    import.meta.url,
  ),
);

export interface Scenario {
  name: string;
  /** Above the line, as it stands in the file. */
  text: string;
  expected: string;
  schedule: Schedule;
}

const settings: Settings = {
  core: {
    minWorkers: 1,
    silenceMs: 3_000,
    resendMs: 600,
    maxLeafAttempts: 8,
    checkpointMs: 0,
    onCheckpointFailure: 'continue',
    stopMs: 2_000,
  },
  session: {
    heartbeatMs: 500,
    resendMs: 600,
    silenceMs: 3_000,
    drainMs: 2_000,
    hungMs: 20_000,
    aloneMs: Infinity,
  },
  numWorkers: 2,
  numReducers: 1,
  areRemote: false,
  sharesMemory: false,
  mostDisconnectMs: 3,
  seesWorkersEnd: false,
  leastComputeMs: 100,
  mostComputeMs: 100,
  mostWriteMs: 20,
  mostCallMs: 1,
  clockSkewMs: 0,
  clockDrift: 0,
};

/** What `set` may name. */
const knobs: Record<string, (schedule: Schedule, value: number) => void> = {
  plan: (schedule, value) => {
    schedule.planIndex = value;
  },
  minWorkers: ({ settings: { core } }, value) => {
    core.minWorkers = value;
  },
  reducers: (schedule, value) => {
    schedule.settings.numReducers = value;
  },
  remote: (schedule, value) => {
    schedule.settings.areRemote = value === 1;
  },
  computeMs: (schedule, value) => {
    schedule.settings.leastComputeMs = value;
    schedule.settings.mostComputeMs = value;
  },
  writeMs: (schedule, value) => {
    schedule.settings.mostWriteMs = value;
  },
};

export function parseScenario(name: string, content: string): Scenario {
  const [text, expected = ''] = content.split(/^---\n/m) as [string, string?];
  const script: Action[] = [];
  const schedule: Schedule = {
    seed: 1,
    planIndex: 0,
    settings: structuredClone(settings),
    noise: quiet,
    script,
    healsAtMs: 600_000,
    numHealed: 0,
    restarts: false,
  };
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (line.startsWith('set ')) {
      for (const word of line.split(/\s+/).slice(1)) {
        const [knob = '', value] = word.split('=');
        const turn = knobs[knob];
        if (!turn) throw new Error(`${name}: there is nothing to set that is called ${knob}`);
        turn(schedule, Number(value));
      }
    } else {
      script.push(parseAction(line));
    }
  }
  return { name, text, expected, schedule };
}

export const readScenarios = (): Scenario[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => parseScenario(name, readFileSync(folder + name, 'utf8')));

export const runScenario = ({ schedule }: Scenario): Promise<Verdict> => simulate(schedule, { traces: true });

export const traceText = ({ lines }: Verdict): string => lines.map((line) => `${line.trimEnd()}\n`).join('');

/** Runs all files; with `update`, writes what happened into them. Returns whether all is as it was written. */
export async function runScenarios(update: boolean, say: (text: string) => void): Promise<boolean> {
  let isSame = true;
  for (const scenario of readScenarios()) {
    const verdict = await runScenario(scenario);
    const text = traceText(verdict);
    const same = text === scenario.expected;
    if (update && !same) writeFileSync(folder + scenario.name, `${scenario.text}---\n${text}`);
    say(`${scenario.name}: ${same ? 'as written' : update ? 'written anew' : 'DIFFERENT'}`);
    isSame &&= (same || update) && verdict.violation === null;
  }
  return isSame;
}
