/**
 * `pnpm bench:gpu`: all that is to be known of a machine with a GPU, in one command and one table. Where there is none it ends
 * with one sentence; `--device cpu` tries every part on the processor, small.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCodes } from '@unet-fleet/law';
import { findNvidiaDriver } from '@unet-fleet/worker/engine/install-nvidia';
import { parseArgs } from '../tools/arguments.ts';
import { type PartOptions, parts, type Row } from './gpu/parts.ts';

const usage = `Usage: pnpm bench:gpu [options]
  --device <gpu|cpu>   cpu: tries every part on the processor, small (default gpu)
  --python <python>    a Python with torch (on a GPU: with CUDA), for the step beside it
  --parts <list>       of: ${Object.keys(parts).join(', ')} (default all)
  --base-width <n>     width of the U-Net (default 64; on the processor 4)
  --size <WxH>         (default 256x192; on the processor 64x48)
  --batch-size <n>     photos of a step (default 8; on the processor 4)
  --steps <n>          of each measurement, the first five for warming up (default 40; on the processor 8)
  --runs <n>           runs whose bits are compared (default 20)
  --rounds <n>         turns beside PyTorch (default 5; on the processor 1)
  --workers <list>     workers on one device (default 1,2,4; on the processor 1,2)
  --json               print the figures as JSON`;

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'gpu' },
    python: { type: 'string', default: '' },
    parts: { type: 'string', default: Object.keys(parts).join(',') },
    'base-width': { type: 'string' },
    size: { type: 'string' },
    'batch-size': { type: 'string' },
    steps: { type: 'string' },
    runs: { type: 'string', default: '20' },
    rounds: { type: 'string' },
    workers: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const wanted = values.parts.split(',').map((name) => name.trim());
const unknown = wanted.find((name) => !(name in parts));
if (unknown !== undefined || !['gpu', 'cpu'].includes(values.device)) {
  const what = unknown === undefined ? `device ${values.device}` : `part ${unknown}`;
  process.stderr.write(`bench:gpu: there is no ${what} (--help lists what there is)\n`);
  process.exit(exitCodes.usage);
}
const driver = values.device === 'gpu' ? await findNvidiaDriver() : null;
if (values.device === 'gpu' && driver === null) {
  process.stderr.write(
    'bench:gpu: no NVIDIA driver is found on this machine: run this where nvidia-smi shows a GPU, or try its parts on the processor by --device cpu\n',
  );
  process.exit(exitCodes.unavailable);
}

const isGpu = values.device === 'gpu';
const or = (value: string | undefined, onGpu: number, onProcessor: number): number =>
  value === undefined ? (isGpu ? onGpu : onProcessor) : Number(value);
const [width, height] = (values.size ?? (isGpu ? '256x192' : '64x48')).split('x').map(Number) as [
  number,
  number,
];
const [gpu] = driver?.gpus ?? [];
const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-gpu-'));
const options: PartOptions = {
  device: isGpu ? 'gpu' : 'cpu',
  folder,
  baseWidth: or(values['base-width'], 64, 4),
  ...{ width, height },
  batchSize: or(values['batch-size'], 8, 4),
  numSteps: or(values.steps, 40, 8),
  numRuns: Number(values.runs),
  numRounds: or(values.rounds, 5, 1),
  workerCounts: (values.workers ?? (isGpu ? '1,2,4' : '1,2')).split(',').map(Number),
  python: values.python,
  memoryBytes: gpu?.memoryBytes ?? 0,
};

const results: { part: string; rows: Row[] }[] = [];
try {
  for (const part of wanted) {
    process.stderr.write(`${part} …\n`);
    const rows = await parts[part]!(options).catch((error: Error) => [
      { what: part, value: error.message, isGood: false },
    ]);
    results.push({ part, rows });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const device = gpu
  ? `${gpu.name}, driver ${driver!.version}`
  : isGpu
    ? 'a GPU without nvidia-smi'
    : 'the processor';
if (values.json)
  console.log(JSON.stringify({ device, options: { ...options, folder: undefined }, results }, null, 2));
else {
  console.log(`On ${device}; base width ${options.baseWidth}, ${options.batchSize} x ${height} x ${width}\n`);
  console.log('| part | | figure | |\n| --- | --- | --- | --- |');
  for (const { part, rows } of results) {
    for (const { what, value, isGood } of rows) {
      console.log(`| ${part} | ${what} | ${value} | ${isGood === null ? '' : isGood ? 'good' : 'WRONG'} |`);
    }
  }
}
process.exitCode = results.some(({ rows }) => rows.some(({ isGood }) => isGood === false)) ? 1 : 0;
