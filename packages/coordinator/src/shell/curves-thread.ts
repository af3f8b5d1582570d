/** Draws the curves of a run into a file, as often as it is asked: see curves.ts. */
import { writeFileSync } from 'node:fs';
import { trainingCurves } from '@unet-fleet/pictures';
import { standingEventsIn } from '@unet-fleet/record';
import { Starter } from '@unet-fleet/shared/threads';

export interface CurvesRequest {
  title: string;
  metricsPath: string;
  picturePath: string;
}

export type CurvesFunctions = typeof functions;

const functions = {
  async draw({ title, metricsPath, picturePath }: CurvesRequest): Promise<void> {
    writeFileSync(picturePath, await trainingCurves(title, standingEventsIn(metricsPath)));
  },
};

new Starter().serve(functions);
