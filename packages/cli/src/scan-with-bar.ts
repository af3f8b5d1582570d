/** The scan of the data that several commands begin with, with a bar. */
import { type ScanReport, scanDataset } from '@unet-fleet/dataset';
import type { Config } from '@unet-fleet/law';
import { cacheFolder } from '@unet-fleet/shared';
import type { Io } from './io.ts';
import { taskBar } from './terminal/run-terminal.ts';
import type { Screen } from './terminal/screen.ts';

export async function scanWithBar(config: Config, screen: Screen, io: Io): Promise<ScanReport> {
  const bar = taskBar(screen, 'scan', 'photos', io.now);
  try {
    return await scanDataset(config.data, { cacheDir: cacheFolder(io.env), onProgress: bar.report });
  } finally {
    bar.end();
  }
}
