/** `unet-fleet credentials`: keys, certificates and a server configuration for a fleet on several machines. */
import { resolve } from 'node:path';
import { type CredentialsReport, changeCredentials, makeCredentials } from '@unet-fleet/coordinator';
import { UserError } from '@unet-fleet/law';
import { Command } from 'commander';
import { wholeArgument } from '../arguments.ts';
import { type Io, printJson } from '../io.ts';
import { shown } from '../shown.ts';

interface CredentialsFlags {
  out: string;
  workers?: number;
  hosts?: string;
  port: number;
  serverFolder?: string;
  add?: number;
  revoke?: string;
  json?: boolean;
}

export const credentialsCommand = (io: Io): Command =>
  new Command('credentials')
    .option('--out <folder>', 'folder to write', 'credentials')
    .option('--workers <n>', 'workers to make keys for', wholeArgument('--workers', 1, 4_000))
    .option('--hosts <names>', 'names and IP addresses of the broker, separated by commas')
    .option('--port <port>', 'port of the broker', wholeArgument('--port', 1, 65_535), 4222)
    .option('--server-folder <path>', "where the broker's files will lie on its machine; default: as made")
    .option('--add <n>', 'add workers to the credentials in --out', wholeArgument('--add', 1, 4_000))
    .option('--revoke <names>', 'workers of the credentials in --out that are no longer to be let in')
    .option('--json', 'print what was made as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  npx unet-fleet credentials --workers 4 --hosts broker.example.org,10.0.0.5 --out credentials' +
        '\n\nWith --hosts alone the broker of the credentials in --out gets a new certificate.' +
        '\nThe README.md in the folder says which file goes where; docs/security.md says what it protects from.',
    )
    .action(async (flags: CredentialsFlags) => {
      const isNew = flags.workers !== undefined;
      const made = await (isNew ? make(flags, io) : change(flags, io));
      if (flags.json) printJson(io, made);
      else io.stdout.write(summary(made, isNew, io));
    });

const listed = (text = ''): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

function make({ out, workers = 0, hosts, port, serverFolder = '', add, revoke }: CredentialsFlags, io: Io) {
  if (add !== undefined || revoke !== undefined) {
    throw new UserError(
      '--workers makes new credentials, --add and --revoke change those that are there: leave one out',
    );
  }
  const common = { folder: resolve(io.cwd, out), hosts: listed(hosts), now: new Date() };
  return makeCredentials({ ...common, numWorkers: workers, port, serverFolder });
}

function change({ out, hosts, add = 0, revoke }: CredentialsFlags, io: Io) {
  const changes = { numWorkers: add, hosts: listed(hosts), revoked: listed(revoke) };
  if (add + changes.hosts.length + changes.revoked.length === 0) {
    throw new UserError(
      'say what to make: --workers and --hosts for new credentials, or --add, --revoke or --hosts to change those in --out',
    );
  }
  return changeCredentials({ folder: resolve(io.cwd, out), ...changes, now: new Date() });
}

function summary(made: CredentialsReport, isNew: boolean, io: Io): string {
  const folder = shown(made.folder, io);
  if (isNew) {
    return `credentials for a coordinator and ${made.numWorkers} workers in ${folder}\nwhat goes where: ${folder}/README.md\n`;
  }
  const added = made.written.length > 0 ? `added ${made.written.join(', ')}; ` : '';
  return `${added}copy ${folder}/broker to the broker's machine and reload it with nats-server --signal reload\n`;
}
