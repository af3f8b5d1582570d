/** The built package, as the thread's file is only there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CurvesDrawer } from '@unet-fleet/coordinator/shell/curves';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-curves-'));
const metricsPath = join(folder, 'metrics.jsonl');
const drawer = new CurvesDrawer();

afterAll(async () => {
  await drawer.close();
  rmSync(folder, { recursive: true, force: true });
});

const step = (index: number) => ({
  ...{ at: '2026-01-02T03:04:05.000Z', type: 'step', epoch: 1, stepInEpoch: index, step: index },
  ...{ loss: 1 / index, learningRate: 0.1, numImages: 1, gradientNorm: 1, stepMs: 1, numWorkers: 1 },
});

it('draws, names what went wrong, and draws again', async () => {
  writeFileSync(metricsPath, [1, 2, 3].map((index) => `${JSON.stringify(step(index))}\n`).join(''));
  const picturePath = join(folder, 'curves.png');
  await drawer.draw({ title: 'a run', metricsPath, picturePath });
  const first = readFileSync(picturePath);
  expect(first.subarray(1, 4).toString()).toBe('PNG');
  const nowhere = join(folder, 'nowhere', 'curves.png');
  await expect(drawer.draw({ title: 'a run', metricsPath, picturePath: nowhere })).rejects.toThrow(
    /nowhere.*ENOENT/,
  );
  writeFileSync(metricsPath, `${JSON.stringify(step(4))}\n`, { flag: 'a' });
  await drawer.draw({ title: 'a run', metricsPath, picturePath });
  expect(Buffer.compare(readFileSync(picturePath), first)).not.toBe(0);
});

it('rejects what is under way when it is closed, and starts anew', async () => {
  const picturePath = join(folder, 'again.png');
  const rejected = expect(drawer.draw({ title: 'a run', metricsPath, picturePath })).rejects.toThrow(
    'the thread that draws was closed',
  );
  await drawer.close();
  await rejected;
  await drawer.draw({ title: 'a run', metricsPath, picturePath });
  expect(readFileSync(picturePath).length).toBeGreaterThan(1_000);
});
