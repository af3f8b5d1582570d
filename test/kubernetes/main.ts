/**
 * `pnpm test:kubernetes`: a real control plane on this machine takes every manifest, and runs of unet-fleet on it end
 * Complete with the undisturbed run's weights, whatever is done to their pods. Exit code 0 only if all of that holds, or
 * where the machine lacks what a control plane is made of, which is said.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '@unet-fleet/shared';
import { type ControlPlanePrograms, prepareControlPlane } from './control-plane/build.ts';
import { isIsolated, requireNamespaces, runIsolated } from './isolate.ts';
import { type Part, parts, runParts } from './parts.ts';
import { printReport } from './report.ts';

const usage = `Usage: pnpm test:kubernetes [options]
  --only <parts>       some of: ${parts.join(', ')} (default: all)
  --disturbances <n>   what is done to pods of the disturbed runs (default 36)
  --rounds <n>         disturbed runs among which they are divided (default 3)
  --seed <n>           order and targets of the disturbances (default: drawn)
  --workers <n>        worker pods (default 3)
  --epochs <n>         length of each disturbed run, 5 steps an epoch (default 120)
  --keep               leave folders and logs in place
  --json               print the figures as JSON`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: parts.join() },
    disturbances: { type: 'string', default: '36' },
    rounds: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    workers: { type: 'string', default: '3' },
    epochs: { type: 'string', default: '120' },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const only = values.only.split(',') as Part[];
const unknown = only.find((part) => !parts.includes(part));
if (unknown !== undefined) {
  console.error(`--only ${unknown} is none of ${parts.join(', ')}`);
  process.exit(2);
}

const tell = (text: string) => process.stderr.write(`${text}\n`);

/** Null where the machine lacks something, after a sentence about it. */
async function prepared(): Promise<ControlPlanePrograms | null> {
  try {
    await requireNamespaces();
    return await prepareControlPlane(tell);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    tell(`Left out: the tests on a Kubernetes control plane, for ${error.message}`);
    return null;
  }
}

const programs = await prepared();
if (!programs) process.exit(0);
if (!isIsolated()) process.exit(await runIsolated(process.argv.slice(1)));

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-kubernetes-'));
mkdirSync(join(folder, 'accept'));
const seed = Number(values.seed);
tell(`seed ${seed}; logs in ${folder}`);
const report = await runParts({
  only,
  programs,
  folder,
  seed,
  numDisturbances: Number(values.disturbances),
  numRounds: Number(values.rounds),
  numWorkers: Number(values.workers),
  numEpochs: Number(values.epochs),
  tell,
});
printReport(report, values.json);
if (report.faults.length > 0) tell(`logs and run folders are kept in ${folder}`);
else if (!values.keep) rmSync(folder, { recursive: true, force: true });
process.exit(report.faults.length > 0 ? 1 : 0);
