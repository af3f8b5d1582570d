/** A run folder of which one file is damaged, on its way to a report, a status and tables for people. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeTables } from '@unet-fleet/dashboard/csv/index';
import { gatherReport } from '@unet-fleet/dashboard/report/gather';
import { reportPage } from '@unet-fleet/dashboard/report/page';
import { figuresOf } from '@unet-fleet/dashboard/report/report-figures';
import { UserError } from '@unet-fleet/law';
import { makeRun } from '../../helpers/made-run.ts';
import type { Reader, Seed } from '../reader.ts';

const kinds = {
  'metrics.jsonl': 'text',
  'interventions.json': 'text',
  'run.json': 'text',
  'config.json': 'text',
  'split.json': 'text',
  'evaluations/step-00000008.json': 'text',
  'evaluations/step-00000008/0.classes': 'bytes',
} as const;

const runIn = (folder: string): string => join(folder, 'run');

async function seedsIn(folder: string): Promise<Seed[]> {
  const runDir = runIn(folder);
  if (!existsSync(runDir)) {
    const names = { run: 'run', class: '<b>class</b>', worker: '<b>worker</b>', photo: 'photo' };
    const { dataDir } = await makeRun(folder, names);
    // Photos and masks have readers of their own.
    rmSync(dataDir, { recursive: true });
  }
  return Object.entries(kinds).map(([name, kind]) => ({
    name,
    kind,
    bytes: readFileSync(join(runDir, name)),
  }));
}

const tags = /<(\/?[a-zA-Z!][\w-]*)/g;
const expectedTags = new Set(
  (
    '!doctype html head meta title style body header nav main section footer article figure figcaption h1 h2 h3 h4 p ul li ' +
    'dl dt dd div span a code pre em strong small br time details summary table caption thead tbody tr th td img svg g path ' +
    'rect circle text'
  ).split(' '),
);

async function read(input: Uint8Array, { name }: Seed, folder: string): Promise<void> {
  const path = join(runIn(folder), name);
  const good = readFileSync(path);
  try {
    writeFileSync(path, input);
    const report = await gatherReport(runIn(folder), 'fuzz');
    const page = reportPage(report);
    const strange = [...page.matchAll(tags)].find(([, tag]) => !expectedTags.has(tag!.replace('/', '')));
    if (strange) throw new Error(`the report has a tag of somebody's: ${strange[0]}`);
    if (!page.trimEnd().endsWith('</html>') || page.length > 2_000_000) throw new Error('a report of no use');
    JSON.stringify(figuresOf(report));
    const out = join(folder, 'tables');
    await writeTables(runIn(folder), out);
    if (readdirSync(out).length !== 4) throw new Error('tables are missing');
  } finally {
    writeFileSync(path, good);
  }
}

export const reportReaders: Reader[] = [
  {
    name: 'report',
    weight: 0.1,
    seeds: seedsIn,
    hostile: () =>
      Object.keys(kinds).flatMap((name) =>
        ['null', '{}', '[]', '['.repeat(100_000), ''].map((text) => ({ name, bytes: Buffer.from(text) })),
      ),
    read,
    isAnswer: (error) => error instanceof UserError,
  },
];
