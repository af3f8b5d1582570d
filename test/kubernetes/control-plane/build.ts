/**
 * The programs of a Kubernetes control plane, built from their sources as the Go module proxy has them: once, into the
 * user's cache. `go install …@version` can't do it, for Kubernetes replaces its own modules by folders of its repository;
 * a module around it replaces them by what is published.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { lastLine, runCommand } from '@unet-fleet/install';
import { exitCodes, UserError } from '@unet-fleet/law';
import { cacheFolder, requireDisk } from '@unet-fleet/shared';
import { program } from '../../tools/known.ts';
import { once } from '../../tools/once.ts';
import type { Tell, Tool } from '../../tools/tool.ts';

export const kubernetesVersion = 'v1.36.3';
/** The same release of the modules that Kubernetes keeps in its own repository. */
const stagingVersion = kubernetesVersion.replace('v1.', 'v0.');

const programs = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'] as const;
export type Program = (typeof programs)[number];

/** Types that other projects add to a cluster, by the module that brings them. */
const extensions = [
  {
    module: 'sigs.k8s.io/jobset',
    version: 'v0.10.1',
    folder: 'config/components/crd/bases',
    only: /jobsets/,
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator',
    version: 'v0.85.0',
    folder: 'example/prometheus-operator-crd',
    only: /podmonitors|prometheusrules|servicemonitors/,
  },
] as const;

/** Go's caches grow by about that in a first build. */
const neededBytes = 6e9;

export interface ControlPlanePrograms {
  programs: Record<Program, string>;
  etcd: string;
  /** Folder with CustomResourceDefinitions as YAML. */
  extensions: string;
}

const goDownload = 'install Go (https://go.dev/dl), which makes it here, once';
const go = program('go', 'building Kubernetes', goDownload, []);

/** What Go makes, in a folder of the cache. */
function made(
  name: string,
  why: string,
  folder: string,
  make: (to: string, tell: Tell) => Promise<void>,
): Tool {
  const path = () => join(cacheFolder(), 'kubernetes', folder);
  return {
    name,
    why,
    remedy: goDownload,
    find: () => (existsSync(path()) ? path() : null),
    fetch: { by: [go], run: (tell) => once(path(), tell, (to) => make(to, tell)) },
  };
}

export const kubernetes = made(
  `Kubernetes ${kubernetesVersion}`,
  'the control plane',
  kubernetesVersion,
  buildPrograms,
);

export const kubernetesExtensions = made(
  'JobSet and Prometheus types',
  'manifests that use them',
  `extensions-${extensions.map(({ version }) => version).join('-')}`,
  fetchExtensions,
);

/** The programs by name, where they were built. */
export const programsIn = (folder: string): Record<Program, string> =>
  Object.fromEntries(programs.map((name) => [name, join(folder, name)])) as Record<Program, string>;

async function buildPrograms(to: string, tell: Tell): Promise<void> {
  requireDisk(to, neededBytes, `Kubernetes ${kubernetesVersion}`);
  tell(`building Kubernetes ${kubernetesVersion} into ${to}: about seven minutes on two cores, once`);
  const module = join(to, 'module');
  mkdirSync(module);
  const sources = await downloadModule('k8s.io/kubernetes', kubernetesVersion, module);
  writeFileSync(join(module, 'go.mod'), wrapperModule(readFileSync(join(sources, 'go.mod'), 'utf8')));
  writeFileSync(join(module, 'go.sum'), readFileSync(join(sources, 'go.sum')));
  const imports = programs.map((name) => `\t_ "k8s.io/kubernetes/cmd/${name}"`).join('\n');
  writeFileSync(join(module, 'tools.go'), `//go:build tools\n\npackage tools\n\nimport (\n${imports}\n)\n`);
  await runGo(module, ['mod', 'tidy', '-e']);
  for (const name of programs) {
    tell(`building ${name}`);
    const flags = ['-trimpath', '-ldflags', '-s -w', '-o', join(to, name)];
    await runGo(module, ['build', ...flags, `k8s.io/kubernetes/cmd/${name}`]);
  }
  rmSync(module, { recursive: true });
}

/** go.mod of a module that needs Kubernetes, from Kubernetes' own: what it replaces by folders is replaced by releases. */
export function wrapperModule(kubernetes: string): string {
  const language = kubernetes.match(/^(go|godebug) .*$/gm) ?? [];
  const staging = [...kubernetes.matchAll(/(k8s\.io\/[a-z-]+) => \.\/staging/g)].map(([, name]) => name!);
  return [
    'module wrapper',
    '',
    ...language,
    `require k8s.io/kubernetes ${kubernetesVersion}`,
    'replace (',
    ...[...new Set(staging)].sort().map((name) => `\t${name} => ${name} ${stagingVersion}`),
    ')',
    '',
  ].join('\n');
}

async function fetchExtensions(to: string): Promise<void> {
  for (const { module, version, folder, only } of extensions) {
    const sources = join(await downloadModule(module, version, to), folder);
    for (const name of readdirSync(sources).filter((file) => only.test(file))) {
      copyFileSync(join(sources, name), join(to, name));
    }
  }
}

/** Folder with the sources of a module. */
async function downloadModule(module: string, version: string, cwd: string): Promise<string> {
  const { stdout } = await runGo(cwd, ['mod', 'download', '-json', `${module}@${version}`]);
  return JSON.parse(stdout).Dir;
}

async function runGo(cwd: string, args: string[]) {
  const env = { ...process.env, GOFLAGS: '-mod=mod', GOWORK: 'off' };
  const missing = 'there is no Go on this machine (https://go.dev/dl)';
  const result = await runCommand('go', args, { cwd, env, missing });
  if (result.exitCode === 0) return result;
  throw new UserError(`go ${args[0]} did not go through (${lastLine(result.stderr)})`, exitCodes.unavailable);
}
