/**
 * Prints who imports whom by package, as a table for ARCHITECTURE.md: the package in the row imports those in the
 * columns that are marked, tests aside.
 *
 *   node scripts/imports-table.mjs
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** From the foundation upwards. */
const order = [
  'law',
  'shared',
  'numerics',
  'dataset',
  'pictures',
  'coordinator',
  'worker',
  'replay',
  'telemetry',
  'dashboard',
  'deploy',
  'cli',
];

/** Names of what each package imports, by its own. */
export function importsByPackage(packages) {
  const names = [...order, ...readdirSync(packages).filter((name) => !order.includes(name))];
  return new Map(names.map((name) => [name, importsOf(join(packages, name, 'src'))]));
}

function importsOf(folder) {
  const names = new Set();
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || /\.test(-helper)?\.ts$/.test(path)) continue;
    const code = readFileSync(join(folder, path), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, name] of code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'@unet-fleet\/([^/']+)/g))
      names.add(name);
  }
  return names;
}

/** In Markdown. Whoever is imported by nobody has no column. */
export function tableOf(imports) {
  const columns = [...imports.keys()].filter((name) =>
    [...imports.values()].some((imported) => imported.has(name)),
  );
  const row = (cells) => `| ${cells.join(' | ')} |`;
  return [
    row(['imports', ...columns]),
    row(['---', ...columns.map(() => ':-:')]),
    ...[...imports].map(([name, imported]) =>
      row([name, ...columns.map((column) => (imported.has(column) ? '✓' : ''))]),
    ),
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(tableOf(importsByPackage(fileURLToPath(new URL('../packages', import.meta.url)))));
}
