/** `unet-fleet replay`: computes a step of a run again and holds it against the run's ledger. */
import { resolve } from 'node:path';
import { exitCodes } from '@unet-fleet/law';
import { formatReplay, replayRun } from '@unet-fleet/replay';
import { cacheFolder } from '@unet-fleet/shared';
import { Command } from 'commander';
import { wholeArgument } from '../arguments.ts';
import { type Io, printJson } from '../io.ts';
import { addRunName, namedRunDir, type RunNameFlags } from '../run-folders.ts';
import { taskBar } from '../terminal/run-terminal.ts';
import { createScreen } from '../terminal/screen.ts';
import { version } from '../version.ts';

interface ReplayFlags extends RunNameFlags {
  step?: number;
  fromStart?: boolean;
  images?: string;
  masks?: string;
  json?: boolean;
}

export const replayCommand = (io: Io): Command =>
  addRunName(new Command('replay'))
    .option('--step <n>', 'the step to check; default: the last', wholeArgument('--step', 1, 0xffffffff))
    .option('--from-start', 'begin with the initial weights instead of the nearest checkpoint')
    .option('--images <folder>', "where this machine has the run's photos")
    .option('--masks <folder>', "where this machine has the run's masks")
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExample:\n  npx unet-fleet replay runs/0003 --step 120')
    .action(async (run: string | undefined, flags: ReplayFlags) => {
      const screen = createScreen(flags.json ? io.stderr : io.stdout, io.env);
      const scan = taskBar(screen, 'scan', 'photos', io.now);
      const replay = taskBar(screen, 'replay', 'leaves', io.now);
      const folder = (path: string | undefined) => (path ? resolve(io.cwd, path) : '');
      try {
        const report = await replayRun({
          runDir: namedRunDir(flags, io, run),
          step: flags.step ?? null,
          fromStart: flags.fromStart ?? false,
          images: folder(flags.images),
          masks: folder(flags.masks),
          cacheDir: cacheFolder(io.env),
          softwareVersion: version,
          onScanProgress: scan.report,
          onLeaf: replay.report,
          onWarning: (message) => screen.print(`warning: ${message}`, 'yellow'),
        });
        replay.end();
        if (flags.json) printJson(io, report);
        else for (const line of formatReplay(report)) screen.print(line, report.isSame ? undefined : 'red');
        if (!report.isSame) process.exitCode = exitCodes.differs;
      } finally {
        scan.end();
        replay.end();
      }
    });
