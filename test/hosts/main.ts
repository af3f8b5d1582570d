/**
 * `pnpm test:hosts`: a run over several hosts, which are network namespaces of this machine, on cables that delay and lose
 * packets and are pulled out. Prints what each link carried; exit code 0 only if the weights are those of one machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSample } from '@unet-fleet/dataset';
import { undisturbed } from '../chaos/undisturbed.ts';
import { parseArgs } from '../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import { workerHosts } from './fleet.ts';
import { Network, networkTools } from './network.ts';
import { printReport } from './report.ts';
import { runOnHosts } from './run-on-hosts.ts';

const usage = `Usage: pnpm test:hosts [options]        (as root, with iproute2 and python3)
  --own-broker          the coordinator's own broker, and workers join by the URL that it prints
  --epochs <n>          length of the run, 4 steps an epoch (default 120)
  --base-width <n>      channels of the model's first level (default 4)
  --delay-ms <ms>       of each cable each way; a packet passes two (default 5)
  --loss <share>        of the frames, on each cable (default 0.001)
  --seed <n>            of the losses (default 1)
  --worker-seconds <s>  for which a worker's host is unplugged (default 60)
  --other-seconds <s>   for which the coordinator's and the broker's are (default 20)
  --json                print the figures as JSON
${toolUsage}`;

const text = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    'own-broker': { type: 'boolean', default: false },
    epochs: text('120'),
    'base-width': text('4'),
    'delay-ms': text('5'),
    loss: text('0.001'),
    seed: text('1'),
    'worker-seconds': text('60'),
    'other-seconds': text('20'),
    ...toolOptions,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
await requireTools('test:hosts', networkTools, values);

// Exits, which ends processes and namespaces.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

const tell = (line: string) => process.stderr.write(`${line}\n`);
const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-hosts-'));
const dataFolder = join(folder, 'sample');
const set = await generateSample(dataFolder, { numImages: 30, width: 192, height: 256 });
const recipe = [
  ...['--images', set.images, '--masks', set.masks, '--class-names', set.classNames],
  ...['--size', '48x64', '--base-width', values['base-width'], '--batch-size', '8', '--leaf-size', '2'],
  ...['--epochs', values.epochs, '--seed', '3', '--device', 'cpu', '--threads', '1', '--dashboard', 'false'],
];
const stepsPerEpoch = 4;
const reference = await undisturbed(recipe, join(folder, 'one-machine'));
tell(`on one machine: ${reference.numSteps} steps, weights ${reference.weightsSha256}`);
const wire = { delayMs: Number(values['delay-ms']), loss: Number(values.loss) };
const hasOwnBroker = values['own-broker'];
const hosts = ['coordinator', ...(hasOwnBroker ? [] : ['broker']), ...workerHosts];
const network = await Network.open({ hosts, ...wire, seed: Number(values.seed) });
try {
  const unplugged = hosts
    .filter((host) => host !== 'worker-1')
    .map((host) => ({
      host,
      seconds: Number(values[host === 'worker-2' ? 'worker-seconds' : 'other-seconds']),
    }))
    .reverse();
  const outcome = await runOnHosts(network, {
    folder: join(folder, 'hosts'),
    dataFolder,
    recipe,
    hasOwnBroker,
    stepsPerEpoch,
    unplugged,
    tell,
  });
  printReport({ reference, wire, outcome, asJson: values.json });
  if (outcome.weightsSha256 !== reference.weightsSha256) process.exitCode = 1;
} catch (error) {
  tell(`${(error as Error).message}\nwhat there is of the run is kept in ${folder}`);
  process.exitCode = 1;
} finally {
  network.close();
}
if (!process.exitCode) rmSync(folder, { recursive: true, force: true });
