/**
 * One container as a process in namespaces of its own: a root of which nothing but its volumes can be written, the
 * user of the spec without any capability, an address on the bridge, and process 1 gets the signals.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../client.ts';
import { expand } from './environment.ts';
import type { Image } from './images.ts';
import { bridgeAddress, connect, prefixLength } from './network.ts';

export interface ContainerOptions {
  pod: Json;
  container: Json;
  image: Image;
  environment: Record<string, string>;
  /** By volume. */
  volumes: Map<string, string>;
  /** Folder of the pod on the node. */
  folder: string;
  /** File that the pod sees as /etc/hosts. */
  hosts: string;
  address: string;
}

export interface Ended {
  exitCode: number;
  /** Number of the signal that ended it, or 0. */
  signal: number;
  startedAt: string;
  finishedAt: string;
  /** Why its command was never run; '' where it was. */
  startError: string;
}

/** What the container's script says when all is made and its command is next. */
const begins = 'begins';
/** As container runtimes tell it. */
const startErrorCode = 128;

/** Most of a log that becomes a termination message, as the kubelet has it. */
const messageLimit = { bytes: 2048, lines: 80 };

export class Container {
  readonly startedAt = new Date().toISOString();
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #log: string;
  #process1 = 0;

  private constructor(child: ChildProcess, log: string, ready: Promise<number>, hasStarted: () => boolean) {
    this.#child = child;
    this.#log = log;
    void ready.then((pid) => {
      this.#process1 = pid;
    });
    this.ended = new Promise((resolve) => {
      // unshare ends as its child did.
      child.on('close', (code, name) => {
        const signal = name ? constants.signals[name] : 0;
        const exitCode = code ?? 128 + signal;
        const finishedAt = new Date().toISOString();
        const isStopped = signal > 0 || exitCode > 128;
        const startError = hasStarted() || isStopped ? '' : this.lastLines.trim() || 'it says nothing';
        const ended = { signal, startedAt: this.startedAt, finishedAt, startError };
        resolve({ exitCode: startError === '' ? exitCode : startErrorCode, ...ended });
      });
    });
  }

  /** Resolves when the container's own process runs. */
  static async start(options: ContainerOptions): Promise<Container> {
    const log = join(options.folder, `${options.container.name}.log`);
    mkdirSync(join(options.folder, 'root'), { recursive: true });
    const file = openSync(log, 'a');
    const child = spawn(
      'unshare',
      [
        ...['--net', '--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child', '--mount-proc'],
        ...['sh', '-euc', scriptOf(options)],
      ],
      { stdio: ['pipe', file, file, 'pipe'], env: { PATH: process.env.PATH } },
    );
    closeSync(file);
    let said = '';
    child.stdio[3]!.on('data', (bytes: Buffer) => {
      said += bytes;
    });
    const ready = (async () => {
      // It says that it is there, and waits for its end of the network.
      await new Promise((resolve) => child.stdio[3]!.once('data', resolve).once('close', resolve));
      const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
      await connect(pid);
      child.stdin!.on('error', () => {});
      child.stdin!.end('go\n');
      return pid;
    })();
    const container = new Container(child, log, ready, () => said.includes(begins));
    await ready;
    return container;
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    try {
      if (this.#child.exitCode === null) process.kill(this.#process1, name);
    } catch {
      // It has ended by itself.
    }
  }

  /** Runs a command beside the container's process, for a probe. */
  async exec(command: string[], limitMs: number): Promise<boolean> {
    const target = ['-t', String(this.#process1), '--all', '--root', '--wd'];
    const child = spawn('nsenter', [...target, ...command], { stdio: 'ignore', timeout: limitMs });
    return await new Promise((resolve) => {
      child.on('error', () => resolve(false));
      child.on('exit', (code) => resolve(code === 0));
    });
  }

  /** What FallbackToLogsOnError takes: the end of the log. */
  get lastLines(): string {
    const size = statSync(this.#log).size;
    const length = Math.min(size, messageLimit.bytes);
    const bytes = Buffer.alloc(length);
    const file = openSync(this.#log, 'r');
    readSync(file, bytes, 0, length, size - length);
    closeSync(file);
    const lines = bytes.toString('utf8').split('\n');
    return lines.slice(-messageLimit.lines).join('\n');
  }
}

/** Shell script that makes the container's root and becomes its process. */
function scriptOf({
  pod,
  container,
  image,
  environment,
  volumes,
  folder,
  hosts,
  address,
}: ContainerOptions): string {
  const root = join(folder, 'root');
  const at = (path: string): string => quoted(`${root}${path}`);
  const variables = { ...image.environment, HOSTNAME: pod.metadata.name, ...environment };
  const security = { ...pod.spec.securityContext, ...container.securityContext };
  const mount = (source: string, path: string, readOnly: boolean): string[] => [
    `if [ -d ${quoted(source)} ]; then mkdir -p ${at(path)}; else mkdir -p "$(dirname ${at(path)})"; touch ${at(path)}; fi`,
    `mount --bind ${quoted(source)} ${at(path)}`,
    ...(readOnly ? [`mount -o remount,bind,ro ${at(path)}`] : []),
  ];
  const mounts: Json[] = [...(container.volumeMounts ?? [])].sort((a: Json, b: Json) =>
    a.mountPath.localeCompare(b.mountPath),
  );
  const args = [...(container.command ?? image.entrypoint), ...(container.args ?? [])].map((text: string) =>
    expand(text, variables),
  );
  const inside = [
    `chroot ${quoted(root)} /usr/bin/env -i -C ${quoted(container.workingDir ?? image.workingFolder)}`,
    ...Object.entries(variables).map(([name, value]) => quoted(`${name}=${value}`)),
    `/usr/bin/setpriv --reuid ${security.runAsUser} --regid ${security.runAsGroup} --groups ${security.fsGroup ?? security.runAsGroup}`,
    ...(security.allowPrivilegeEscalation === false ? ['--no-new-privs'] : []),
    ...(security.capabilities?.drop?.includes('ALL') ? ['--inh-caps=-all --bounding-set=-all'] : []),
  ].join(' ');
  const notFound = `exec: "${args[0]}": executable file not found in $PATH`;
  const devices = ['null', 'zero', 'full', 'random', 'urandom'];
  return [
    `hostname ${quoted(pod.metadata.name)}`,
    'echo up >&3',
    'read -r _',
    'exec </dev/null',
    'ip link set lo up',
    `ip addr add ${address}/${prefixLength} dev eth0`,
    'ip link set eth0 up',
    `ip route add default via ${bridgeAddress}`,
    `mount -t tmpfs -o mode=755,size=4m tmpfs ${quoted(root)}`,
    `mkdir -p ${['/proc', '/dev/shm', '/etc', '/tmp', image.workingFolder, '/opt/unet-fleet/bin'].map(at).join(' ')}`,
    ...['bin', 'sbin', 'lib', 'lib64'].map(
      (name) => `[ ! -e /${name} ] || ln -s usr/${name} ${at(`/${name}`)}`,
    ),
    ...mount('/usr', '/usr', true),
    ...Object.entries(image.programs).map(
      ([name, path]) => `ln -s ${quoted(path)} ${at(`/opt/unet-fleet/bin/${name}`)}`,
    ),
    `printf 'root:x:0:0::/:/bin/sh\\nunet-fleet:x:10001:10001::/tmp:/bin/sh\\n' > ${at('/etc/passwd')}`,
    `printf 'hosts: files\\n' > ${at('/etc/nsswitch.conf')}`,
    ...mount(hosts, '/etc/hosts', true),
    `[ ! -d /etc/alternatives ] || cp -a /etc/alternatives ${at('/etc/alternatives')}`,
    `mount -t proc proc ${at('/proc')}`,
    ...devices.flatMap((name) => mount(`/dev/${name}`, `/dev/${name}`, false)),
    `mount -t tmpfs -o mode=1777,size=64m tmpfs ${at('/dev/shm')}`,
    ...mounts.flatMap(({ name, mountPath, subPath, subPathExpr, readOnly = false }) => {
      const below = subPathExpr ? expand(subPathExpr, environment) : (subPath ?? '');
      return mount(join(volumes.get(name)!, below), mountPath, readOnly);
    }),
    // After the volumes, which could hide them.
    ...image.folders.filter((path) => !/^\/usr(\/|$)/.test(path)).flatMap((path) => mount(path, path, true)),
    ...(security.readOnlyRootFilesystem ? [`mount -o remount,ro ${quoted(root)}`] : []),
    // Later it would look like an end of the command itself.
    `${inside} /bin/sh -c 'command -v "$0" >/dev/null' ${quoted(args[0]!)} || { echo ${quoted(notFound)}; exit 1; }`,
    `echo ${begins} >&3`,
    'exec 3>&-',
    `exec ${inside} ${args.map(quoted).join(' ')}`,
  ].join('\n');
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
