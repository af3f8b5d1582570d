/** `unet-fleet csv`: a run's metrics as tables, for who plots them with other tools. */

import { join, resolve } from 'node:path';
import { writeTables } from '@unet-fleet/dashboard/csv/index';
import { bytes } from '@unet-fleet/law';
import { Command } from 'commander';
import { type Io, printJson } from '../io.ts';
import { addRunName, namedRunDir, type RunNameFlags } from '../run-folders.ts';
import { shown } from '../shown.ts';
import { counted } from '../terminal/format.ts';
import { createScreen } from '../terminal/screen.ts';

interface CsvFlags extends RunNameFlags {
  out?: string;
  json?: boolean;
}

export const csvCommand = (io: Io): Command =>
  addRunName(new Command('csv'))
    .option('--out <folder>', 'where the files go; default: csv in the run folder')
    .option('--json', 'print what was written as JSON')
    .addHelpText('after', '\nExample:\n  npx unet-fleet csv runs/0003 --out figures')
    .action(async (run: string | undefined, { out, json, ...named }: CsvFlags) => {
      const runDir = namedRunDir(named, io, run);
      const files = await writeTables(runDir, out ? resolve(io.cwd, out) : join(runDir, 'csv'));
      if (json) {
        printJson(io, { files });
        return;
      }
      const screen = createScreen(io.stdout, io.env);
      for (const { path, numRows, sizeBytes } of files) {
        screen.print(`${shown(path, io)}: ${counted(numRows, 'row')}, ${bytes(sizeBytes)}`);
      }
    });
