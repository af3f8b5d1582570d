/** `unet-fleet pack`: a data set as a few large files with an index, for a web server or an object store. */

import { resolve } from 'node:path';
import { datasetFrom, writePack } from '@unet-fleet/dataset';
import { bytes, counted } from '@unet-fleet/law';
import { Command } from 'commander';
import { wholeArgument } from '../arguments.ts';
import { addConfigFile, addConfigOptions, allBut, configFrom, requireFolders } from '../config-options.ts';
import { tellOfData } from '../data-folders.ts';
import { type Io, printJson } from '../io.ts';
import { scanWithBar } from '../scan-with-bar.ts';
import { shown } from '../shown.ts';
import { taskBar } from '../terminal/run-terminal.ts';
import { createScreen } from '../terminal/screen.ts';

/** Files are packed as they are. */
const selection = allBut('data', 'pack', 'packToken', 'size', 'scale', 'channels', 'validationShare');

/** Large enough that a store holds few files, small enough to copy again where a copy is damaged. */
const defaultShardMb = 256;

interface PackFlags extends Record<string, unknown> {
  out: string;
  shardMb: number;
  json?: boolean;
}

export const packCommand = (io: Io): Command =>
  addConfigOptions(
    addConfigFile(new Command('pack'))
      .option('--out <folder>', 'folder to write', 'pack')
      .option(
        '--shard-mb <n>',
        'megabytes after which a file is closed and the next begun',
        wholeArgument('--shard-mb', 1, 100_000),
        defaultShardMb,
      )
      .option('--json', 'print what was written as JSON')
      .addHelpText(
        'after',
        '\nExample:\n  npx unet-fleet pack --images photos --masks masks --out pack\n  npx unet-fleet train --pack pack …' +
          '\n\nCopy the folder to any web server or object store, and name it with --pack https://… or --pack s3://bucket/folder.' +
          '\nThe data set keeps its identity: a run made with the folders goes on with the pack, and the other way round.',
      ),
    selection,
  ).action(async (flags: PackFlags) => {
    const config = configFrom(flags, selection, io);
    requireFolders(config);
    const screen = createScreen(flags.json ? io.stderr : io.stdout, io.env);
    const dataset = datasetFrom(await scanWithBar(config, screen, io), config.data);
    tellOfData(dataset, screen);
    const bar = taskBar(screen, 'pack', 'files', io.now);
    const out = resolve(io.cwd, flags.out);
    const { data } = config;
    const report = await writePack({
      ...{ data, dataset, out, shardBytes: flags.shardMb * 1e6 },
      onProgress: bar.report,
    }).finally(() => bar.end());
    if (flags.json) {
      printJson(io, report);
      return;
    }
    const { numSamples, numShards, sizeBytes } = report;
    screen.print(
      `${counted(numSamples, 'sample')} in ${counted(numShards, 'file')} (${bytes(sizeBytes)}) in ${shown(out, io)}`,
    );
    screen.print(`use it     npx unet-fleet train --pack ${shown(out, io)} …`);
  });
