/** `unet-fleet credentials`: keys, certificates and a server configuration for a fleet on several machines. */
import { resolve } from 'node:path';
import { addCredentials, type CredentialsReport, makeCredentials } from '@unet-fleet/coordinator';
import { UserError } from '@unet-fleet/shared';
import { Command } from 'commander';
import { wholeArgument } from '../arguments.ts';
import { type Io, printJson } from '../io.ts';
import { shown } from './train.ts';

interface CredentialsFlags {
  out: string;
  workers: number;
  hosts?: string;
  port: number;
  serverFolder?: string;
  add?: boolean;
  json?: boolean;
}

export const credentialsCommand = (io: Io): Command =>
  new Command('credentials')
    .description(
      "make what secures a fleet's broker: a key for each role, TLS certificates, its configuration",
    )
    .option('--out <folder>', 'folder to write', 'credentials')
    .requiredOption('--workers <n>', 'workers to make keys for', wholeArgument('--workers', 0, 4_000))
    .option('--hosts <names>', 'names and IP addresses of the broker, separated by commas')
    .option('--port <port>', 'port of the broker', wholeArgument('--port', 1, 65_535), 4222)
    .option('--server-folder <path>', "where the broker's files will lie on its machine; default: as made")
    .option('--add', 'add workers to the credentials in --out, or with --hosts give them a new certificate')
    .option('--json', 'print what was made as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  npx unet-fleet credentials --workers 4 --hosts broker.example.org,10.0.0.5 --out credentials' +
        '\n\nThe README.md in the folder says which file goes where; docs/security.md says what it protects from.',
    )
    .action(async (flags: CredentialsFlags) => {
      const made = await make(flags, io);
      if (flags.json) printJson(io, made);
      else io.stdout.write(summary(made, flags, io));
    });

async function make(flags: CredentialsFlags, io: Io): Promise<CredentialsReport> {
  const hosts = (flags.hosts ?? '')
    .split(',')
    .map((host) => host.trim())
    .filter((host) => host !== '');
  const common = { folder: resolve(io.cwd, flags.out), numWorkers: flags.workers, hosts, now: new Date() };
  if (flags.add) return addCredentials(common);
  if (flags.workers === 0) throw new UserError('--workers 0 makes a fleet without workers: give at least 1');
  return makeCredentials({ ...common, port: flags.port, serverFolder: flags.serverFolder ?? '' });
}

function summary(made: CredentialsReport, { add }: CredentialsFlags, io: Io): string {
  const folder = shown(made.folder, io);
  if (!add) {
    return `credentials for a coordinator and ${made.numWorkers} workers in ${folder}\nwhat goes where: ${folder}/README.md\n`;
  }
  const added = made.written.length > 0 ? made.written.join(', ') : 'no worker';
  return `added ${added}: copy ${folder}/broker to the broker's machine and reload it with nats-server --signal reload\n`;
}
