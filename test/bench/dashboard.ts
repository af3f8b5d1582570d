/**
 * `pnpm bench:dashboard`: what open pages cost a run. One run on drawn photos; stretches without pages and with them take
 * turns, so that both see the same machine. A page is what a browser's is to the server: it loads the history at its
 * greeting and takes every message; one of them never reads.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateSample } from '@unet-fleet/dataset';
import type { RunEvent } from '@unet-fleet/law';
import { WebSocket } from 'ws';
import { script } from '../chaos/command.ts';
import { linksIn } from '../helpers/links.ts';
import { parseArgs } from '../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';

const usage = `Usage: pnpm bench:dashboard [options]
  --pages <n>    pages that are open at a time (default 100), and one that never reads
  --rounds <n>   stretches with pages, each between two without (default 4)
  --steps <n>    steps of a stretch (default 40)
  --json         print the figures as JSON
${toolUsage}`;

const { values } = parseArgs({
  options: {
    pages: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '4' },
    steps: { type: 'string', default: '40' },
    ...toolOptions,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
await requireTools('bench:dashboard', [], values);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const numPages = Number(values.pages);
const numRounds = Number(values.rounds);
const numSteps = Number(values.steps);
const timeoutMs = 300_000;
/** Steps after pages have come or gone that are not counted. */
const numSettling = 3;

// Pages are on other machines.
setPriority(19);

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-dashboard-'));
const runDir = join(folder, 'run');
const set = await generateSample(join(folder, 'sample'), { numImages: 89, width: 128, height: 96 });
const coordinator = spawn(
  process.execPath,
  [
    ...[script, 'train', '--images', set.images, '--masks', set.masks, '--class-names', set.classNames],
    ...[
      '--size',
      '128x96',
      '--base-width',
      '8',
      '--batch-size',
      '8',
      '--leaf-size',
      '2',
      '--epochs',
      '100000',
    ],
    ...['--validate-every', '1000000', '--checkpoint-every', '1000000', '--device', 'cpu', '--threads', '1'],
    ...['--workers', '2', '--dashboard-port', '0', '--run-dir', runDir, '--json'],
  ],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
process.on('exit', () => {
  coordinator.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
let said = '';
coordinator.stderr.setEncoding('utf8').on('data', (text: string) => {
  said += text;
});

type Step = Extract<RunEvent, { type: 'step' }> & { at: string };

function steps(): Step[] {
  let text = '';
  try {
    text = readFileSync(join(runDir, 'metrics.jsonl'), 'utf8');
  } catch {
    return [];
  }
  const lines = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean);
  return lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'step');
}

async function until<T>(what: string, look: () => T | null | undefined): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== null && found !== undefined) return found;
    if (coordinator.exitCode !== null || Date.now() > deadline)
      throw new Error(`no ${what}; the run said:\n${said}`);
    await sleep(100);
  }
}

interface Stretch {
  stepsPerSecond: number;
  /** Resident memory of the coordinator's process, its thread for the pages included. */
  residentMb: number;
}

/** Of the next steps, as the run's own record has their times. */
async function stretch(): Promise<Stretch> {
  const from = steps().length + numSettling;
  const all = await until('steps', () => {
    const now = steps();
    return now.length > from + numSteps ? now : null;
  });
  const [first, last] = [all[from]!, all[from + numSteps]!];
  return {
    stepsPerSecond: numSteps / ((Date.parse(last.at) - Date.parse(first.at)) / 1_000),
    residentMb: residentMb(),
  };
}

const residentMb = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${coordinator.pid}/status`, 'utf8'))![1]) / 1024;

const counted = { numMessages: 0, numBytes: 0, numHistories: 0, numLost: 0 };

/** Resolves when its history is loaded. */
function openPage(link: string, runName: string): Promise<WebSocket> {
  const socket = new WebSocket(`${link.replace('http', 'ws')}live`, ['unet-fleet.1']);
  socket.on('message', (data: Buffer) => {
    counted.numMessages++;
    counted.numBytes += data.length;
  });
  socket.on('error', () => {});
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('message', () => {
      void (async () => {
        const response = await fetch(`${link}api/runs/${runName}/history`);
        await response.arrayBuffer();
        counted.numHistories++;
        resolve(socket);
      })().catch(reject);
    });
  });
}

const { viewLink: link } = await until('links', () => linksIn(said));
const stretches: { without: Stretch[]; withPages: Stretch[] } = { without: [await stretch()], withPages: [] };
for (let round = 0; round < numRounds; round++) {
  const pages = await Promise.all(Array.from({ length: numPages }, () => openPage(link, 'run')));
  const stuck = await openPage(link, 'run');
  stuck.pause();
  stretches.withPages.push(await stretch());
  counted.numLost += pages.filter(({ readyState }) => readyState !== WebSocket.OPEN).length;
  for (const page of [...pages, stuck]) page.terminate();
  stretches.without.push(await stretch());
  process.stderr.write(`round ${round + 1} of ${numRounds}\n`);
}
coordinator.kill('SIGKILL');

const median = (all: readonly number[]): number => {
  const sorted = [...all].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
};
const rate = (all: readonly Stretch[]) => median(all.map(({ stepsPerSecond }) => stepsPerSecond));
/** Each stretch beside the mean of those before and after it. */
const ratios = stretches.withPages.map(({ stepsPerSecond }, round) => {
  const [before, after] = [stretches.without[round]!, stretches.without[round + 1]!];
  return stepsPerSecond / ((before.stepsPerSecond + after.stepsPerSecond) / 2);
});
const figures = {
  numPages,
  stepsPerSecond: { without: rate(stretches.without), withPages: rate(stretches.withPages) },
  ratio: median(ratios),
  ratios,
  residentMb: {
    without: stretches.without.map((one) => one.residentMb),
    withPages: stretches.withPages.map((one) => one.residentMb),
  },
  ...counted,
};
if (values.json) console.log(JSON.stringify(figures, null, 2));
else {
  const { without, withPages } = figures.stepsPerSecond;
  const mb = (all: readonly number[]) => all.map((one) => one.toFixed(0)).join(', ');
  console.log(
    `steps/s      ${without.toFixed(2)} without pages, ${withPages.toFixed(2)} with ${numPages} and one that never reads`,
  );
  console.log(`ratio        ${figures.ratio.toFixed(3)} (${ratios.map((one) => one.toFixed(3)).join(', ')})`);
  console.log(
    `memory, MB   ${mb(figures.residentMb.without)} without, ${mb(figures.residentMb.withPages)} with`,
  );
  console.log(
    `pages        ${figures.numHistories} histories, ${figures.numMessages} messages, ${(figures.numBytes / 1e6).toFixed(1)} MB, ${figures.numLost} lost`,
  );
}
process.exit(0);
