/** Draws the curves of a run into a file, as often as it is asked: see curves.ts. */
import { writeFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { trainingCurves } from '@unet-fleet/pictures';
import type { RunEvent } from '@unet-fleet/shared';
import { readMetrics } from '../run-folder/metrics.ts';
import type { CurvesAnswer, CurvesRequest } from './curves.ts';

parentPort!.on('message', async ({ title, metricsPath, picturePath }: CurvesRequest) => {
  const answer: CurvesAnswer = { problem: null };
  try {
    writeFileSync(picturePath, await trainingCurves(title, readMetrics<RunEvent>(metricsPath)));
  } catch (error) {
    answer.problem = (error as Error).message;
  }
  parentPort!.postMessage(answer);
});
