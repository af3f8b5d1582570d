/**
 * `pnpm test:kubernetes`: a real control plane on this machine takes every manifest, and runs of unet-fleet on it end
 * Complete with the undisturbed run's weights, whatever is done to their pods. Exit code 0 only if all of that holds.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from '../tools/arguments.ts';
import { unpackedProgram } from '../tools/debian.ts';
import { programsOf, root } from '../tools/known.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import { kubernetes, kubernetesExtensions, programsIn } from './control-plane/build.ts';
import { isIsolated, namespaces, runIsolated } from './isolate.ts';
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
  --json               print the figures as JSON
${toolUsage}`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: parts.join() },
    disturbances: { type: 'string', default: '36' },
    rounds: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    workers: { type: 'string', default: '3' },
    epochs: { type: 'string', default: '120' },
    ...toolOptions,
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

const why = 'pods, which are processes in namespaces';
const tools = await requireTools(
  'test:kubernetes',
  [
    root('network and mount namespaces'),
    ...programsOf('util-linux', ['unshare', 'nsenter', 'setpriv', 'mount'], why),
    ...programsOf('iproute2', ['ip'], "the pods' network"),
    ...programsOf('coreutils', ['env', 'chroot'], why),
    ...programsOf('hostname', ['hostname'], why),
    namespaces,
    unpackedProgram('tini', 'process 1 of each pod', 'tini', 'usr/bin/tini'),
    unpackedProgram('etcd', 'the control plane', 'etcd-server', 'usr/bin/etcd'),
    kubernetes,
    kubernetesExtensions,
  ],
  values,
  { needsEngine: !isIsolated() },
);
if (!isIsolated()) process.exit(await runIsolated(process.argv.slice(1)));

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-kubernetes-'));
mkdirSync(join(folder, 'accept'));
const seed = Number(values.seed);
tell(`seed ${seed}; logs in ${folder}`);
const report = await runParts({
  only,
  programs: {
    programs: programsIn(tools.pathOf(kubernetes.name)),
    etcd: tools.pathOf('etcd'),
    extensions: tools.pathOf(kubernetesExtensions.name),
  },
  tini: tools.pathOf('tini'),
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
