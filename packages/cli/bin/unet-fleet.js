#!/usr/bin/env node
// Committed so that pnpm can link the command before the first build.
import { readFileSync } from 'node:fs';

/** Fewer open files than it takes to load the program; its loader then says that modules are missing. */
const leastOpenFiles = 512;

function mayOpen() {
  try {
    return Number(
      /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity,
    );
  } catch (error) {
    return error.code === 'EMFILE' ? 0 : Infinity;
  }
}

try {
  await import('../dist/main.js');
} catch (error) {
  const isLacking = error?.code === 'EMFILE' || error?.code === 'ENFILE' || mayOpen() < leastOpenFiles;
  if (!isLacking) throw error;
  process.stderr.write(
    'unet-fleet: this process may not open the files that it is made of: raise the limit (ulimit -n 1024, or more)\n',
  );
  process.exitCode = 3;
}
