/**
 * `pnpm fuzz`: every reader of files and messages, over many damaged and hostile inputs. Prints what was tried and
 * found; what was found is kept as a file, and the exit code is 1.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from '../tools/arguments.ts';
import { corpusOf, inputAt } from './input.ts';
import { readers } from './readers/index.ts';
import { defaultLimits, type Finding, fuzzReaders, type Outcome } from './supervise.ts';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    reader: { type: 'string', multiple: true, default: [] },
    out: { type: 'string', default: 'fuzz-findings' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const names = readers.map(({ name }) => name);
const help = `pnpm fuzz [--inputs N] [--seed N] [--reader NAME]... [--out FOLDER] [--json]
  --inputs   inputs for each reader; those that read a file a hundred times as slowly get fewer (default 10000)
  --seed     another one gives other inputs (default 1)
  --reader   only this one, of: ${names.join(', ')}
  --out      where the inputs that find something are kept (default fuzz-findings)
  --json     figures as JSON`;

async function fuzz(): Promise<number> {
  const seed = Number(values.seed);
  const outcomes: (Outcome & { seconds: number })[] = [];
  if (!values.json)
    console.log(row(['reader', 'inputs', 'accepted', 'refused', 'ms', 'MB', 'findings', 's']));
  for (const { name, weight } of readers) {
    if (values.reader.length > 0 && !values.reader.includes(name)) continue;
    const startMs = performance.now();
    const numInputs = Math.ceil(Number(values.inputs) * weight);
    const [outcome] = (await fuzzReaders([{ reader: name, numInputs }], seed)) as [Outcome];
    const seconds = (performance.now() - startMs) / 1000;
    outcomes.push({ ...outcome, seconds });
    if (outcome.findings.length > 0) await keep(outcome, seed);
    if (!values.json) print(outcome, seconds);
  }
  if (values.json) console.log(JSON.stringify({ seed, limits: defaultLimits, readers: outcomes }, null, 2));
  return outcomes.some(({ findings }) => findings.length > 0) ? 1 : 0;
}

const widths = [16, 9, 9, 9, 7, 7, 9, 7];
const row = (cells: (string | number)[]): string =>
  cells.map((cell, i) => (i === 0 ? `${cell}`.padEnd(widths[0]!) : `${cell}`.padStart(widths[i]!))).join('');

function print({ reader, numInputs, accepted, rejected, ...worst }: Outcome, seconds: number): void {
  const { worstMs, worstMegabytes, findings } = worst;
  const cells = [numInputs, accepted, rejected, worstMs.toFixed(0), worstMegabytes.toFixed(0)];
  console.log(row([reader, ...cells, findings.length, seconds.toFixed(0)]));
  for (const { index, fault } of findings.slice(0, 10)) {
    console.log(`  input ${index}: ${fault.split('\n').slice(0, 6).join('\n    ')}`);
  }
}

/** The input as the reader saw it, and what was wrong. */
async function keep({ reader: name, findings }: Outcome, seed: number): Promise<void> {
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-fuzz-'));
  try {
    const corpus = await corpusOf(readers.find((reader) => reader.name === name)!, folder);
    for (const { index, fault } of findings)
      write(out, `${name}-${seed}-${index}`, fault, corpus, index, seed);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function write(
  out: string,
  file: string,
  fault: Finding['fault'],
  corpus: Awaited<ReturnType<typeof corpusOf>>,
  index: number,
  seed: number,
): void {
  const input = inputAt(corpus, seed, index);
  writeFileSync(join(out, `${file}-${input.seed.name.replaceAll('/', '-')}`), input.bytes);
  writeFileSync(join(out, `${file}.txt`), `${fault}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
if (values.help) {
  console.log(help);
} else {
  const unknown = values.reader.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`no reader ${unknown}; there is ${names.join(', ')}`);
  process.exitCode = await fuzz();
}
