/**
 * Who may import whom: imports go one way, so that a part can be understood, tested and moved without the parts above
 * it. And what decides, the core of the coordinator and a worker's session, is pure: no I/O, clock or chance.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../packages/', import.meta.url));

const ground = ['law', 'shared', 'wire', 'config'];
const foundations = [...ground, 'install', 'numerics', 'dataset', 'pictures'];
/** Packages that each may import. */
const allowed: Record<string, string[]> = {
  law: [],
  shared: ['law'],
  wire: ['law', 'shared', 'numerics'],
  config: ['law', 'shared', 'wire'],
  install: ['law', 'shared'],
  numerics: ['law'],
  dataset: ['law', 'shared', 'config', 'numerics'],
  pictures: ['law'],
  record: ground,
  coordinator: [...foundations, 'record'],
  worker: foundations,
  replay: [...foundations, 'record', 'coordinator', 'worker'],
  telemetry: [...ground, 'dataset', 'pictures', 'record', 'coordinator'],
  dashboard: [...ground, 'dataset', 'pictures', 'record', 'coordinator'],
  deploy: ['law', 'shared', 'config'],
  cli: [...foundations, 'record', 'coordinator', 'worker', 'replay', 'telemetry', 'dashboard', 'deploy'],
};

interface SourceFile {
  path: string;
  text: string;
  /** What it imports, as written. */
  imports: string[];
}

const isTest = (path: string): boolean => /\.test(-helper)?\.ts$/.test(path);

function sourcesIn(folder: string): SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .sort()
    .map((path) => {
      const text = readFileSync(join(folder, path), 'utf8');
      return { path, text, imports: importsOf(text) };
    });
}

/** Static and dynamic imports, re-exports, and what is loaded by require. */
function importsOf(text: string): string[] {
  const pattern = /(?:\bfrom|\bimport|\brequire(?:\.resolve)?)\s*\(?\s*(['"`])([^'"`]+)\1/g;
  return [...text.matchAll(pattern)].map((match) => match[2]!);
}

test('the imports of a source are found, however they are written', () => {
  const text = `import a, {\n  type B,\n} from 'one';\nexport * from "two";\nimport 'three';\nawait import('four');
  require('five');\nrequire.resolve('six');\nconst from = 'seven';`;
  expect(importsOf(text)).toEqual(['one', 'two', 'three', 'four', 'five', 'six']);
});

test.each(Object.keys(allowed))('%s imports only packages below it', (name) => {
  const sources = sourcesIn(join(packages, name, 'src'));
  expect(sources.length).toBeGreaterThan(0);
  const wrong = sources.flatMap(({ path, imports }) =>
    imports
      .flatMap((specifier) => /^@unet-fleet\/([^/]+)/.exec(specifier)?.[1] ?? [])
      // A test of a thread or process imports its own package as it is built.
      .filter((imported) => !allowed[name]!.includes(imported) && !(isTest(path) && imported === name))
      .map((imported) => `${path} imports ${imported}`),
  );
  expect(wrong).toEqual([]);
});

test.each(Object.keys(allowed))('%s declares what it imports, and nothing above it', (name) => {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(
    readFileSync(join(packages, name, 'package.json'), 'utf8'),
  );
  const declared = Object.keys(dependencies);
  const above = Object.keys(allowed).filter((other) => !allowed[name]!.includes(other));
  expect(declared.filter((dependency) => above.includes(dependency.replace('@unet-fleet/', '')))).toEqual([]);
  // In a fresh clone nothing else is there to be found, not even by a test.
  const forTests = [...declared, ...Object.keys(devDependencies), `@unet-fleet/${name}`];
  const undeclared = sourcesIn(join(packages, name, 'src')).flatMap(({ path, imports }) =>
    imports
      .flatMap((specifier) => /^@unet-fleet\/[^/]+/.exec(specifier)?.[0] ?? [])
      .filter((dependency) => !(isTest(path) ? forTests : declared).includes(dependency))
      .map((dependency) => `${path}: ${dependency}`),
  );
  expect(undeclared).toEqual([]);
});

test('every package is in the order of imports', () => {
  const folders = readdirSync(packages, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual(Object.keys(allowed).sort());
});

test('no source reaches into another package by a path', () => {
  for (const name of Object.keys(allowed)) {
    for (const { path, imports } of sourcesIn(join(packages, name, 'src'))) {
      if (isTest(path)) continue; // fixtures lie beside the sources
      const depth = path.split('/').length;
      const leaving = imports.filter((specifier) => (specifier.match(/\.\.\//g) ?? []).length >= depth);
      expect(leaving, `${name}/src/${path}`).toEqual([]);
    }
  }
});

test('packages enter another by its named entries: patterns are for tests, such as the simulator', () => {
  const wrong = Object.keys(allowed).flatMap((name) =>
    sourcesIn(join(packages, name, 'src'))
      .filter(({ path }) => !isTest(path))
      .flatMap(({ path, imports }) =>
        imports
          .filter((specifier) => !isNamedEntry(specifier))
          .map((entry) => `${name}/src/${path}: ${entry}`),
      ),
  );
  expect(wrong).toEqual([]);
});

/** Also of a package that still gives away all of its files. */
function isNamedEntry(specifier: string): boolean {
  const [, name, inner] = /^@unet-fleet\/([^/]+)(\/.+)?$/.exec(specifier) ?? [];
  if (name === undefined) return true;
  const { exports } = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8'));
  return `.${inner ?? ''}` in exports || './*' in exports;
}

test('no view of the page imports another: what they share lies in views/common', () => {
  const views = sourcesIn(join(packages, 'dashboard/page/src/views'));
  expect(new Set(views.map(({ path }) => path.split('/')[0])).size).toBeGreaterThan(5);
  const wrong = views.flatMap(({ path, imports }) => {
    const own = path.split('/')[0]!;
    return imports
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => join(dirname(path), specifier))
      .filter((target) => !target.startsWith('..') && ![own, 'common'].includes(target.split('/')[0]!))
      .map((target) => `${path} imports ${target}`);
  });
  expect(wrong).toEqual([]);
});

test('what is drawn is worked out without Node, so that the page can use it', () => {
  const sources = sourcesIn(join(packages, 'pictures/src/models')).filter(({ path }) => !isTest(path));
  expect(sources.length).toBeGreaterThan(0);
  for (const { path, imports } of sources) {
    const foreign = imports.filter((specifier) => !/^\.\/[\w-]+\.ts$|^@unet-fleet\/law$/.test(specifier));
    expect(foreign, path).toEqual([]);
  }
});

/** Files that look at what the system refused by themselves, and why it is not told by system-error.ts alone. */
const ownErrno: Record<string, string> = {
  'shared/src/system-error.ts': 'the one place',
  'shared/src/cache.ts': "another user's process is alive",
  'install/src/command.ts': 'a program that is missing has a sentence of its caller',
  'cli/src/streams/output.ts': 'standard output: goes on without it',
  'cli/src/streams/trouble.ts': 'standard output: a word within a sentence',
  'record/src/checkpoint/read.ts': 'whether a checkpoint is damaged',
  'dashboard/src/server/serve.ts': 'another port is tried',
  'telemetry/src/metrics/server.ts': 'names the option of its port',
  'worker/src/inference/predict.ts': 'whether all other photos would fail, too',
};

test('what the system refuses becomes a sentence in one place', () => {
  const wrong = Object.keys(allowed).flatMap((name) =>
    sourcesIn(join(packages, name, 'src'))
      .filter(({ path }) => !isTest(path) && !(`${name}/src/${path}` in ownErrno))
      .filter(({ text }) => /'E(ACCES|PERM|ROFS|NOSPC|DQUOT|IO|MFILE|NFILE|BUSY)'/.test(text))
      .map(({ path }) => `${name}/src/${path}`),
  );
  expect(wrong, 'use explained() of shared/src/system-error.ts').toEqual([]);
});

test('the law imports nothing but itself: no Node, no library', () => {
  for (const { path, text } of sourcesIn(join(packages, 'law/src')).filter(({ path }) => !isTest(path))) {
    const imports = importsOf(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ''));
    expect(
      imports.filter((specifier) => !specifier.startsWith('.')),
      path,
    ).toEqual([]);
  }
});

test('the page imports nothing of Node', () => {
  for (const { path, imports } of sourcesIn(join(packages, 'dashboard/page/src'))) {
    if (isTest(path)) continue;
    expect(
      imports.filter((specifier) => specifier.startsWith('node:')),
      path,
    ).toEqual([]);
  }
});

/** Where decisions are made: the simulator runs these very files, so they must not know where they are. */
describe.each([
  ['the core', 'coordinator/src/core'],
  ["a worker's session", 'worker/src/session'],
])('%s', (_, folder) => {
  const sources = sourcesIn(join(packages, folder)).filter(({ path }) => !isTest(path));

  test('imports nothing of Node, and nothing outside itself but the law and the types of messages', () => {
    expect(sources.length).toBeGreaterThan(0);
    for (const { path, text } of sources) {
      const values = importsOf(text.replace(/^(import|export) type [^;]* from '@unet-fleet\/wire';/gm, ''));
      const isOwn = (specifier: string) =>
        specifier.startsWith('.') && !join(dirname(path), specifier).startsWith('..');
      const foreign = values.filter((specifier) => specifier !== '@unet-fleet/law' && !isOwn(specifier));
      expect(foreign, path).toEqual([]);
    }
  });

  test('has no clock, chance, timer or process: time comes with the events', () => {
    const impure =
      /\b(Date|Math\.random|performance|crypto|process|globalThis|setTimeout|setInterval|setImmediate|queueMicrotask|fetch|require|await|async)\b/;
    for (const { path, text } of sources) {
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|'[^'\n]*'|`[^`]*`/gm, '');
      expect(impure.exec(code)?.[0], path).toBeUndefined();
    }
  });
});
