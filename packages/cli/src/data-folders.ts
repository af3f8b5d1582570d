/** The folders that a command reads photos and masks from: those of the config, or those of its packed data set. */
import { withUnpacked } from '@unet-fleet/dataset';
import { type Config, cacheFolder } from '@unet-fleet/shared';
import type { Io } from './io.ts';
import { taskBar } from './terminal/run-terminal.ts';
import type { Screen } from './terminal/screen.ts';

/** Fetches and unpacks what --pack names, with a bar. Rejects with a UserError if it can't be had. */
export async function withDataFolders(config: Config, screen: Screen, io: Io): Promise<Config> {
  if (config.data.pack === '') return config;
  const bar = taskBar(screen, 'unpack', 'bytes', io.now);
  try {
    const data = await withUnpacked(config.data, {
      cacheDir: cacheFolder(io.env),
      env: io.env,
      onProgress: bar.report,
    });
    return { ...config, data };
  } finally {
    bar.end();
  }
}
