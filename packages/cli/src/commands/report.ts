/** `unet-fleet report`: a run as one HTML file that opens from disk anywhere. */

import { join, resolve } from 'node:path';
import { writeReport } from '@unet-fleet/dashboard/report/index';
import { bytes } from '@unet-fleet/law';
import { Command } from 'commander';
import { type Io, printJson } from '../io.ts';
import { addRunName, namedRunDir, type RunNameFlags } from '../run-folders.ts';
import { shown } from '../shown.ts';
import { createScreen } from '../terminal/screen.ts';
import { version } from '../version.ts';

interface ReportFlags extends RunNameFlags {
  out?: string;
  json?: boolean;
}

export const reportCommand = (io: Io): Command =>
  addRunName(new Command('report'))
    .option('--out <file>', 'where it goes; default: report.html in the run folder')
    .option('--json', 'print its figures as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  npx unet-fleet report\n  npx unet-fleet report runs/0003 --out for-a-colleague.html',
    )
    .action(async (run: string | undefined, { out, json, ...named }: ReportFlags) => {
      const runDir = namedRunDir(named, io, run);
      const path = out ? resolve(io.cwd, out) : join(runDir, 'report.html');
      const written = await writeReport(runDir, path, version);
      if (json) {
        printJson(io, written);
        return;
      }
      const screen = createScreen(io.stdout, io.env);
      screen.print(`report of run ${written.name}: ${shown(written.path, io)} (${bytes(written.sizeBytes)})`);
      for (const sentence of written.missing) screen.print(sentence, 'yellow');
    });
