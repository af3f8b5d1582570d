/** The folders that a command reads photos and masks from: those of the config, or those of its packed data set. */
import { type Dataset, withUnpacked } from '@unet-fleet/dataset';
import type { Config } from '@unet-fleet/law';
import { cacheFolder } from '@unet-fleet/shared';
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

/**
 * Masks of other folders than the run's may say the classes by other values: what is given in one way takes the place of
 * what the run has in the other.
 */
export function withMaskFlags(
  config: Config,
  { maskValues, maskThreshold }: { maskValues?: unknown; maskThreshold?: unknown },
): Config {
  const { data } = config;
  if (maskValues !== undefined && maskThreshold === undefined) {
    return { ...config, data: { ...data, maskThreshold: 0 } };
  }
  if (maskThreshold !== undefined && maskValues === undefined) {
    return { ...config, data: { ...data, maskValues: 'as-is' } };
  }
  return config;
}

/** What the scan has to say of the data: how it was taken, and what a person should look at. */
export function tellOfData({ notes, warnings }: Pick<Dataset, 'notes' | 'warnings'>, screen: Screen): void {
  for (const note of notes) screen.print(`note: ${note}`);
  for (const warning of warnings) screen.print(`warning: ${warning}`, 'yellow');
}
