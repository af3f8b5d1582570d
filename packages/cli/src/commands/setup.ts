/** `unet-fleet setup`: everything slow that training needs, fetched and built once for all clones of this user. */
import { findNatsServer, type NatsServer } from '@unet-fleet/coordinator';
import type { InstallReport } from '@unet-fleet/install';
import { type Environment, engineFolder } from '@unet-fleet/shared';
import { type EngineInstall, setupEngine } from '@unet-fleet/worker';
import { Command, Option } from 'commander';
import type { Io } from '../io.ts';
import { installProgress } from '../terminal/install-progress.ts';

export interface SetupOptions {
  /** 'auto': the GPU build where an NVIDIA driver is found. */
  gpu: 'auto' | boolean;
  env?: Environment;
}

export interface SetupResult {
  engine: EngineInstall;
  broker: NatsServer;
}

export const setupCommand = (io: Io): Command =>
  new Command('setup')
    .option('--gpu', 'TensorFlow with CUDA (about 2.5 GB to fetch); default: where an NVIDIA driver is found')
    .option('--no-gpu', 'TensorFlow for the processor, also where there is a GPU')
    .addOption(
      new Option(
        '--broker-only',
        'only the broker, for a machine that coordinates or carries messages and computes nothing',
      ).conflicts('gpu'),
    )
    .addHelpText(
      'after',
      '\nIt is kept in ~/.cache/unet-fleet, or in the folder that UNET_FLEET_ENGINE or UNET_FLEET_CACHE names.',
    )
    .action(async ({ gpu, brokerOnly }: { gpu?: boolean; brokerOnly?: boolean }) => {
      const report = installProgress(io);
      if (brokerOnly) {
        const { version, path } = await findNatsServer(report, io.env);
        io.stdout.write(`ready: nats-server ${version} (${path})\n`);
        return;
      }
      const { engine, broker } = await runSetup({ gpu: gpu ?? 'auto', env: io.env }, report);
      const device = engine.flavor === 'gpu' ? 'NVIDIA GPUs' : 'the processor';
      io.stdout.write(
        `ready: TensorFlow ${engine.tensorflowVersion} for ${device}, nats-server ${broker.version} (in ${engineFolder(io.env)})\n`,
      );
    });

/**
 * Makes engine and broker ready; takes under a second where they are already.
 * @throws UserError that names what is missing and what to do
 */
export async function runSetup(options: SetupOptions, report: InstallReport): Promise<SetupResult> {
  // The engine first: what it lacks (a compiler) is known before anything is fetched.
  const { gpu, env = process.env } = options;
  const engine = await setupEngine({ gpu, env }, report);
  const broker = await findNatsServer(report, env);
  return { engine, broker };
}
