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
import {
  cacheFolder,
  exitCodes,
  lastLine,
  makeAtomically,
  requireDisk,
  runCommand,
  UserError,
  whileAlone,
} from '@unet-fleet/shared';

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

/**
 * All that a control plane is made of, made where it is not there yet.
 * @throws UserError if something is missing on this machine; the sentence says what
 */
export async function prepareControlPlane(tell: (text: string) => void): Promise<ControlPlanePrograms> {
  const folder = join(cacheFolder(), 'kubernetes');
  const built = await once(join(folder, kubernetesVersion), tell, (to) => buildPrograms(to, tell));
  const types = await once(
    join(folder, `extensions-${extensions.map(({ version }) => version).join('-')}`),
    tell,
    fetchExtensions,
  );
  return {
    programs: Object.fromEntries(programs.map((name) => [name, join(built, name)])) as Record<
      Program,
      string
    >,
    etcd: await findEtcd(folder, tell),
    extensions: types,
  };
}

async function once(
  path: string,
  tell: (text: string) => void,
  make: (temporary: string) => Promise<void>,
): Promise<string> {
  if (existsSync(path)) return path;
  await whileAlone(
    path,
    () => tell(`another test is making ${path}; waiting for it`),
    async () => {
      if (!existsSync(path)) await makeAtomically(path, make);
    },
  );
  return path;
}

async function buildPrograms(to: string, tell: (text: string) => void): Promise<void> {
  requireDisk(to, neededBytes, `Kubernetes ${kubernetesVersion}`);
  tell(`building Kubernetes ${kubernetesVersion} into ${to}: about seven minutes on two cores, once`);
  const module = join(to, 'module');
  mkdirSync(module);
  const sources = await downloadModule('k8s.io/kubernetes', kubernetesVersion, module);
  writeFileSync(join(module, 'go.mod'), wrapperModule(readFileSync(join(sources, 'go.mod'), 'utf8')));
  writeFileSync(join(module, 'go.sum'), readFileSync(join(sources, 'go.sum')));
  const imports = programs.map((name) => `\t_ "k8s.io/kubernetes/cmd/${name}"`).join('\n');
  writeFileSync(join(module, 'tools.go'), `//go:build tools\n\npackage tools\n\nimport (\n${imports}\n)\n`);
  await go(module, ['mod', 'tidy', '-e']);
  for (const name of programs) {
    tell(`building ${name}`);
    const flags = ['-trimpath', '-ldflags', '-s -w', '-o', join(to, name)];
    await go(module, ['build', ...flags, `k8s.io/kubernetes/cmd/${name}`]);
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
  const { stdout } = await go(cwd, ['mod', 'download', '-json', `${module}@${version}`]);
  return JSON.parse(stdout).Dir;
}

async function go(cwd: string, args: string[]) {
  const env = { ...process.env, GOFLAGS: '-mod=mod', GOWORK: 'off' };
  const missing = 'there is no Go on this machine (https://go.dev/dl)';
  const result = await runCommand('go', args, { cwd, env, missing });
  if (result.exitCode === 0) return result;
  throw new UserError(`go ${args[0]} did not go through (${lastLine(result.stderr)})`, exitCodes.unavailable);
}

/** etcd of the path, or else out of Debian's package, which is not installed: that would start a server. */
async function findEtcd(folder: string, tell: (text: string) => void): Promise<string> {
  const own = (process.env.PATH ?? '').split(':').map((path) => join(path, 'etcd'));
  const found = own.find((path) => existsSync(path));
  if (found) return found;
  const unpacked = await once(join(folder, 'etcd'), tell, async (to) => {
    const missing =
      'there is no etcd on this machine, and no apt-get to fetch it (apt-get install etcd-server)';
    const { exitCode, stderr } = await runCommand('apt-get', ['download', 'etcd-server'], {
      cwd: to,
      missing,
    });
    const archive = readdirSync(to).find((name) => name.endsWith('.deb'));
    if (exitCode !== 0 || archive === undefined) {
      throw new UserError(
        `there is no etcd on this machine, and apt-get can't fetch it (${lastLine(stderr)})`,
        exitCodes.unavailable,
      );
    }
    const result = await runCommand('dpkg-deb', ['--extract', archive, '.'], { cwd: to, missing });
    if (result.exitCode !== 0)
      throw new UserError(`${archive} can't be unpacked (${lastLine(result.stderr)})`);
    rmSync(join(to, archive));
  });
  return join(unpacked, 'usr/bin/etcd');
}
