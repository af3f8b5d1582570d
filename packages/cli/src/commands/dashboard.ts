/** `unet-fleet dashboard`: the runs of a folder on a page, without a coordinator. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { serveFolder } from '@unet-fleet/dashboard/server/serve-folder';
import { exitCodes, UserError } from '@unet-fleet/law';
import { holdsRun } from '@unet-fleet/record';
import { Command, Option } from 'commander';
import { addConfigOptions, configFrom } from '../config-options.ts';
import { type Io, printJson } from '../io.ts';
import { namedRunDir, type RunNameFlags } from '../run-folders.ts';
import { stopSignals } from '../stop-signals.ts';
import { goOnWithoutTerminal } from '../streams/go-on.ts';
import { createScreen } from '../terminal/screen.ts';
import { version } from '../version.ts';

const options = ['run.dashboardPort', 'run.dashboardHost'] as const;

interface DashboardFlags extends RunNameFlags, Record<string, unknown> {
  json?: boolean;
}

export const dashboardCommand = (io: Io): Command =>
  addConfigOptions(
    new Command('dashboard')
      .argument(
        '[runs]',
        'folder of runs, or one run: its folder, or its number or name in runs; default: runs',
      )
      .addOption(new Option('--run-dir <run>', 'one run, as an option'))
      .option('--json', 'print the address as JSON')
      .addHelpText(
        'after',
        '\nExample:\n  npx unet-fleet dashboard runs        until Ctrl-C\n\nA run that goes on has a page of its own: its address is printed at its start.',
      ),
    options,
  ).action(async (named: string | undefined, flags: DashboardFlags) => {
    if (!flags.json) goOnWithoutTerminal(io.stdout, io.stderr);
    const { run } = configFrom(flags, options, io);
    const { folder, opened } = folderOf(named, flags, io);
    const dashboard = await serveFolder({
      folder,
      host: run.dashboardHost,
      port: run.dashboardPort,
      version,
    });
    // Before the link is told: whoever reads it may end it at once.
    const stop = stopSignals(
      () => {},
      () => {},
    );
    const link = opened === null ? dashboard.link : withRun(dashboard.link, opened);
    if (flags.json) printJson(io, { link, port: dashboard.port });
    else createScreen(io.stdout, io.env).print(`runs of ${folder}: ${link} (Ctrl-C ends it)`);
    await once(stop.signal, 'abort');
    await dashboard.close('the server has ended');
    stop.release();
    process.exitCode = exitCodes.ok;
  });

/** `opened`: the run that was named, where it was one. */
function folderOf(
  named: string | undefined,
  flags: DashboardFlags,
  io: Io,
): { folder: string; opened: string | null } {
  const isNamed = named !== undefined || flags.runDir !== undefined;
  const path = isNamed ? namedRunDir(flags, io, named) : resolve(io.cwd, 'runs');
  if (!existsSync(path)) {
    const remedy = isNamed
      ? 'name the folder that your runs are in'
      : 'train first, or name the folder that your runs are in';
    throw new UserError(`there is no folder ${path}: ${remedy}`);
  }
  if (holdsRun(path)) return { folder: dirname(path), opened: basename(path) };
  return { folder: path, opened: null };
}

function withRun(link: string, run: string): string {
  const [page, token = ''] = link.split('#');
  const params = new URLSearchParams(token);
  params.set('view', 'curves');
  params.set('run', run);
  return `${page}#${params}`;
}
