/** What holds of every source file: it can be understood without those that need it, and read in one go. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { importsByPackage, tableOf } from '../scripts/imports-table.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const packages = join(root, 'packages');

const isSource = (path: string): boolean =>
  /^[^/]+\/(src|page\/src|assembly)\/.*\.tsx?$/.test(path) && !/\.test(-helper)?\.tsx?$/.test(path);

const sources = new Map(
  readdirSync(packages)
    .flatMap((name) => ['src', 'page/src', 'assembly'].map((folder) => join(name, folder)))
    .flatMap((folder) => filesIn(folder))
    .filter(isSource)
    .map((path) => [path, readFileSync(join(packages, path), 'utf8')]),
);

function filesIn(folder: string): string[] {
  try {
    return readdirSync(join(packages, folder), { recursive: true, encoding: 'utf8' }).map((path) =>
      join(folder, path),
    );
  } catch {
    return []; // not every package has each of them
  }
}

/** Files of the same package that it imports, for a value or a type alone. */
function importsOf(path: string, text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '');
  return [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]+)['"]/g)].map((match) =>
    join(dirname(path), match[1]!),
  );
}

/** The files on a way from a file back to itself; null when there is none. */
function cycleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (file: string): string[] | null => {
    const first = way.indexOf(file);
    if (first >= 0) return [...way.slice(first), file];
    if (done.has(file)) return null;
    way.push(file);
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    way.pop();
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return null;
}

test('a cycle is found, wherever one begins to look', () => {
  const graph = { a: ['b', 'd'], b: ['c'], c: ['d'], d: ['e', 'b'], e: [] };
  expect(cycleIn(new Map(Object.entries(graph)))).toEqual(['b', 'c', 'd', 'b']);
  expect(cycleIn(new Map(Object.entries({ ...graph, d: ['e'] })))).toBeNull();
});

test('no source imports itself over others, be it for a type', () => {
  expect(sources.size).toBeGreaterThan(400);
  const graph = new Map([...sources].map(([path, text]) => [path, importsOf(path, text)]));
  // What is read as an import is one: each leads to a file that is there.
  const leading = [...graph.values()].flat().filter((path) => isSource(path));
  expect(leading.filter((path) => !sources.has(path))).toEqual([]);
  expect(leading.length).toBeGreaterThan(1_000);
  expect(cycleIn(graph)?.join(' -> ') ?? null).toBeNull();
});

/** Longer ones, and why. */
const long: Record<string, string> = {
  'law/src/config/schema.ts': 'each option with its help, one after another',
};

test('no source is longer than 400 lines', () => {
  const tooLong = [...sources].filter(([path, text]) => text.split('\n').length > 401 && !(path in long));
  expect(tooLong.map(([path]) => path)).toEqual([]);
});

test('the table of who imports whom in ARCHITECTURE.md is that of the sources', () => {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  expect(text, 'print it with node scripts/imports-table.mjs').toContain(tableOf(importsByPackage(packages)));
});
