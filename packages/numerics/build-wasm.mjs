/**
 * Compiles assembly/ into dist/kernels.wasm (private memory), dist/kernels-shared.wasm (memory that other threads see:
 * WebAssembly makes them two module types) and dist/pixels.wasm. Does nothing when all are newer than their sources.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const sources = readdirSync(join(root, 'assembly')).map((file) => join(root, 'assembly', file));
const outputs = [
  { source: 'assembly/index.ts', file: 'kernels.wasm', flags: [] },
  { source: 'assembly/pixels.ts', file: 'pixels.wasm', flags: [] },
  // The limit must equal that of the memory that is imported: see memory.ts.
  {
    source: 'assembly/index.ts',
    file: 'kernels-shared.wasm',
    flags: ['--sharedMemory', '--maximumMemory', '65535', '--enable', 'threads'],
  },
];

const changedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);
const newestSourceMs = Math.max(...[...sources, fileURLToPath(import.meta.url)].map(changedMs));
const stale = outputs.filter(({ file }) => changedMs(join(root, 'dist', file)) < newestSourceMs);

if (stale.length > 0) {
  const { default: asc } = await import('assemblyscript/asc');
  mkdirSync(join(root, 'dist'), { recursive: true });
  for (const { source, file, flags } of stale) {
    const target = join('dist', file);
    // A build that is stopped, or two at once, never leave half a file.
    const temporary = `${target}.${process.pid}.tmp`;
    const { error, stderr } = await asc.main(
      [
        source,
        ...['--outFile', temporary, '--baseDir', root, '--runtime', 'stub', '--importMemory', '--noAssert'],
        ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--enable', 'simd', ...flags],
      ],
      {},
    );
    if (error) {
      console.error(`${stderr.toString()}\n${error.message}`);
      process.exit(1);
    }
    renameSync(join(root, temporary), join(root, target));
  }
}
