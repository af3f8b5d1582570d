/**
 * What a process or thread loads before it does anything. Each of a run's dozen processes and threads pays for it anew,
 * a tenth of a second for every hundred modules, so a library is loaded by those that use it alone.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../packages/', import.meta.url));

/** Static imports and re-exports of values; those of types are gone once it is built. */
const imported = /^(?:import|export)\s+(?!type\b)(?:[^;'"]*?\bfrom\s+)?'([^']+)';/gm;

interface Loaded {
  /** Paths below packages. */
  sources: string[];
  /** Names of the libraries, and of what they load no more is known. */
  libraries: string[];
}

/** The package of a path in it. */
const packageOf = (specifier: string): string =>
  specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** All that is loaded with this source, a path below packages such as cli/src/main.ts. */
function loadedWith(entry: string): Loaded {
  const sources = new Set<string>();
  const libraries = new Set<string>();
  const follow = (path: string): void => {
    if (sources.has(path)) return;
    sources.add(path);
    for (const [, specifier] of readFileSync(join(packages, path), 'utf8').matchAll(imported)) {
      const own = /^@unet-fleet\/([^/]+)(?:\/(.+))?$/.exec(specifier!);
      if (specifier!.startsWith('.')) follow(relative(packages, join(packages, dirname(path), specifier!)));
      else if (own) follow(`${own[1]}/src/${own[2] ?? 'index'}.ts`);
      else if (!specifier!.startsWith('node:')) libraries.add(packageOf(specifier!));
    }
  };
  follow(entry);
  return { sources: [...sources].sort(), libraries: [...libraries].sort() };
}

test('imports of values are followed, and those of types are not', () => {
  const text =
    "import type { A } from 'a';\nexport type * from 'b';\nimport {\n  type C,\n  c,\n} from 'c';\nimport 'd';\nexport * from 'e';\nimport { f } from 'f';\n  await import('g');\n";
  expect([...text.matchAll(imported)].map((match) => match[1])).toEqual(['c', 'd', 'e', 'f']);
  expect(existsSync(join(packages, 'cli/src/main.ts'))).toBe(true);
});

test('what every package uses loads no library', () => {
  expect(loadedWith('shared/src/index.ts').libraries).toEqual([]);
});

/** Threads that are started with every run. */
test.each([
  ['adds gradients', 'coordinator/src/reducer/thread.ts'],
  ['computes', 'worker/src/engine/compute-thread-main.ts'],
])('the thread that %s loads neither schemas nor the config', (_, entry) => {
  const known = ['@nats-io/transport-node', 'fastest-levenshtein'];
  expect(loadedWith(entry).libraries.filter((library) => !known.includes(library))).toEqual([]);
});

test('the thread of the page loads nothing that reads pictures before one is asked for', () => {
  const { sources, libraries } = loadedWith('dashboard/src/server/thread.ts');
  expect(libraries).not.toContain('sharp');
  expect(sources.filter((path) => path.startsWith('dataset/'))).toEqual([]);
});

test('a command line loads little more than the list of commands, and a worker nothing of the coordinator', () => {
  const { sources, libraries } = loadedWith('cli/src/main.ts');
  expect(libraries).toEqual(['commander', 'fastest-levenshtein']);
  // Beside the law, where each loss, layer and optimizer is a small file: checks and help of options name them.
  expect(sources.filter((path) => !path.startsWith('law/')).length).toBeLessThan(50);
  const worker = loadedWith('cli/src/commands/worker.ts');
  expect(worker.sources.filter((path) => /^(coordinator|dashboard|telemetry|deploy)\//.test(path))).toEqual(
    [],
  );
});
