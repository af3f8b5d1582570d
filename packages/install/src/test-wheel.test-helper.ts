/** A small wheel to install, and folders to install it into. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { InstallOptions, Wheel } from './wheel.ts';

export interface TestWheel {
  path: string;
  wheel: Wheel;
}

/** Writes gadget-1.0-py3-none-manylinux2014_x86_64.whl into `folder`. */
export function makeWheel(folder: string): TestWheel {
  const source = join(folder, 'source');
  const files = {
    'gadget/lib/gadget.so': 'x'.repeat(5000),
    'gadget/bin/tool': '#!/bin/sh\n',
    'gadget/unneeded.py': 'print()\n',
    'gadget-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: gadget\nVersion: 1.0\n',
    'gadget-1.0.dist-info/WHEEL':
      'Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-manylinux2014_x86_64\n',
    'gadget-1.0.dist-info/RECORD': '',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(source, name, '..'), { recursive: true });
    writeFileSync(join(source, name), text);
  }
  chmodSync(join(source, 'gadget/bin/tool'), 0o755);
  const path = join(folder, 'gadget-1.0-py3-none-manylinux2014_x86_64.whl');
  const args = ['-m', 'zipfile', '-c', path, 'gadget', 'gadget-1.0.dist-info'];
  const { status, stderr } = spawnSync('python3', args, { cwd: source, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const wheel: Wheel = {
    name: 'gadget',
    version: '1.0',
    abi: 'none',
    files: {
      x86_64: {
        platformTag: 'manylinux2014_x86_64',
        sha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
        sizeBytes: statSync(path).size,
      },
    },
    isNeeded: (member) => member.endsWith('.so') || member.endsWith('/tool'),
    unpackedBytes: 5010,
  };
  return { path, wheel };
}

/** A download that copies a file. */
export const copyOf =
  (path: string): NonNullable<InstallOptions['download']> =>
  async (_request, folder, onBytes) => {
    mkdirSync(folder, { recursive: true });
    const target = join(folder, basename(path));
    copyFileSync(path, target);
    onBytes(statSync(target).size);
    return target;
  };
