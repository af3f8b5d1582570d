/** A process that looks at cells one after the other: what hangs or dies takes this process alone with it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cell } from './cell.ts';
import { judge } from './judge.ts';
import { lookAt } from './look.ts';
import { truthsOf } from './truths.ts';

export interface Task {
  cell: Cell;
  /** Where the generator wrote. */
  root: string;
}

process.on('message', async ({ cell, root }: Task) => {
  const cache = mkdtempSync(join(tmpdir(), 'file-matrix-cache-'));
  try {
    const look = await lookAt(cell, join(root, 'cells', cell.name), cache);
    process.send!(judge(cell, truthsOf(cell, root), look));
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
});
