/**
 * `pnpm durability`: everything that a disk or a crash can do to a small checkpoint, place by place, and what was found
 * of it. Ends with exit code 1 if anything was not.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { scenarios, tryCrashes } from '../helpers/checkpoint-crashes.ts';
import { tryDamage } from '../helpers/checkpoint-damage.ts';
import { fastFolder } from '../helpers/small-checkpoint.ts';
import { parseArgs } from '../tools/arguments.ts';

const usage = `Usage: pnpm durability [options]
  --load-every <n>  after every n-th damage, load the checkpoint before and compare its weights (default 1)
  --json            print the figures as JSON`;

const { values } = parseArgs({
  options: {
    'load-every': { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const folder = mkdtempSync(join(fastFolder(), 'durability-'));
try {
  const crashes = scenarios.map((scenario) => ({
    name: scenario.name,
    ...tryCrashes(scenario, join(folder, 'disk')),
  }));
  const damage = tryDamage(folder, { stride: 1, loadEvery: Number(values['load-every']) });
  if (values.json) console.log(JSON.stringify({ damage, crashes }));
  else report({ damage, crashes });
  if ([damage, ...crashes].some(({ failures }) => failures.length > 0)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

interface Figures {
  damage: ReturnType<typeof tryDamage>;
  crashes: ({ name: string } & ReturnType<typeof tryCrashes>)[];
}

function report({ damage, crashes }: Figures): void {
  const sizes = Object.entries(damage.sizeBytes).map(([name, bytes]) => `${name} ${bytes} bytes`);
  console.log(`A checkpoint of ${sizes.join(', ')}:`);
  console.log(`  ${damage.numFlipped} bytes flipped and ${damage.numCut} lengths cut, each by itself`);
  console.log(`  ${damage.numLoaded} times the one before was loaded and compared`);
  console.log(`  not found, or another one used: ${damage.failures.length}`);
  console.log(
    'Power gone before each operation and in each write, in three outcomes of what was not synced:',
  );
  for (const { name, numOperations, numCases, numStates, failures } of crashes) {
    console.log(
      `  ${name}: ${numOperations} operations, ${numCases} cases, ${numStates} different disks, ` +
        `without a good checkpoint or with rubbish left: ${failures.length}`,
    );
  }
  for (const failure of [damage, ...crashes].flatMap(({ failures }) => failures).slice(0, 20)) {
    console.log(`  ${failure}`);
  }
}
