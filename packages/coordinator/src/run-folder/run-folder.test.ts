import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, loadConfig, UserError } from '@unet-fleet/shared';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  assertSameRun,
  createRunFolder,
  identitySha256,
  openRunFolder,
  type RunFolder,
  runPaths,
} from './run-folder.ts';

let root: string;
beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'unet-fleet-run-')), 'run');
});
afterEach(() => rmSync(join(root, '..'), { recursive: true, force: true }));
