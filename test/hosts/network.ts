/**
 * Hosts as network namespaces of this machine, each on a cable of its own to one bridge. What it keeps true: nothing of
 * it is left when it is closed or this process ends, and what a run that was killed has left goes at the next one.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { program, programsOf, root } from '../tools/known.ts';
import type { Tool } from '../tools/tool.ts';

export interface NetworkOptions {
  hosts: readonly string[];
  /** Each way on each cable: a packet from host to host passes two. */
  delayMs: number;
  /** Share of the frames that each cable loses. */
  loss: number;
  seed: number;
}

/** Of a host's interface since it is there. */
export interface Traffic {
  sentBytes: number;
  receivedBytes: number;
}

const relay = fileURLToPath(new URL('../../hosts/relay.py', import.meta.url));
const prefix = 'unet-fleet-hosts-';
const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });

/** What there must be here for such a network. */
export const networkTools: readonly Tool[] = [
  root('network namespaces'),
  ...programsOf('iproute2', ['ip'], 'hosts, cables and their switch'),
  program('python3', 'the cables, which delay and lose packets'),
  ...programsOf('mount', ['mount'], 'what a host does not see'),
  {
    name: '/dev/net/tun',
    why: 'the cables',
    remedy: 'modprobe tun, and in a container --device /dev/net/tun',
    find: () => (canUse('/dev/net/tun') ? '' : null),
  },
];

function canUse(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

export class Network {
  readonly #name = `${prefix}${process.pid}-`;
  readonly #hosts: readonly string[];
  readonly #relay: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  readonly #onExit = () => this.close();

  private constructor({ hosts, ...wire }: NetworkOptions) {
    this.#hosts = hosts;
    for (const host of ['switch', ...hosts]) ip('netns', 'add', this.#in(host));
    process.once('exit', this.#onExit);
    const cables = hosts.map((name) => ({
      name,
      host: [this.#in(name), 'eth0'],
      switch: [this.#in('switch'), name],
    }));
    this.#relay = spawn('python3', [relay, JSON.stringify({ ...wire, cables })], { stdio: 'pipe' });
    this.#relay.stderr.pipe(process.stderr);
    this.#answers = createInterface(this.#relay.stdout)[Symbol.asyncIterator]();
  }

  /** Makes the hosts, with addresses as addressOf says. */
  static async open(options: NetworkOptions): Promise<Network> {
    removeLeftovers();
    const network = new Network(options);
    try {
      await network.#answer('ready');
      network.#configure();
      return network;
    } catch (error) {
      network.close();
      throw error;
    }
  }

  addressOf(host: string): string {
    return `10.213.0.${this.#hosts.indexOf(host) + 2}`;
  }

  /** What begins the command line of a process on a host, which has a shared memory of its own and sees none of `hidden`. */
  onHost(host: string, hidden: readonly string[] = []): string[] {
    // Each `ip netns exec` has mounts of its own already.
    const mounts = ['/dev/shm', ...hidden].map((folder) => `mount -t tmpfs none '${folder}' &&`).join(' ');
    return ['ip', 'netns', 'exec', this.#in(host), 'sh', '-c', `${mounts} exec "$@"`, 'sh'];
  }

  traffic(): Record<string, Traffic> {
    return Object.fromEntries(
      this.#hosts.map((host) => {
        const [link] = JSON.parse(ip('-n', this.#in(host), '-s', '-j', 'link', 'show', 'eth0'));
        const { tx, rx } = link.stats64;
        return [host, { sentBytes: tx.bytes, receivedBytes: rx.bytes }];
      }),
    );
  }

  /** Frames that each cable has carried and lost so far; those that came while it was unplugged don't count. */
  async frames(): Promise<Record<string, { forwarded: number; lost: number }>> {
    this.#relay.stdin.write('stats\n');
    const { value } = await this.#answers.next();
    return JSON.parse(String(value));
  }

  /** Pulls the cable out of host and switch: both see their link go down. */
  unplug(host: string): Promise<void> {
    return this.#command(`unplug ${host}`);
  }

  plug(host: string): Promise<void> {
    return this.#command(`plug ${host}`);
  }

  /** Ends whatever runs on the hosts, and removes them. */
  close(): void {
    process.off('exit', this.#onExit);
    this.#relay.kill('SIGKILL');
    for (const host of ['switch', ...this.#hosts]) removeNamespace(this.#in(host));
  }

  #in(host: string): string {
    return this.#name + host;
  }

  #configure(): void {
    const atSwitch = (...args: string[]) => ip('-n', this.#in('switch'), ...args);
    atSwitch('link', 'add', 'bridge', 'type', 'bridge');
    atSwitch('link', 'set', 'bridge', 'up');
    for (const host of this.#hosts) {
      atSwitch('link', 'set', host, 'master', 'bridge', 'up');
      const atHost = (...args: string[]) => ip('-n', this.#in(host), ...args);
      atHost('addr', 'add', `${this.addressOf(host)}/24`, 'dev', 'eth0');
      atHost('link', 'set', 'eth0', 'up');
      atHost('link', 'set', 'lo', 'up');
    }
  }

  async #command(line: string): Promise<void> {
    this.#relay.stdin.write(`${line}\n`);
    await this.#answer('done');
  }

  async #answer(wanted: string): Promise<void> {
    const { value } = await this.#answers.next();
    if (value !== wanted) throw new Error(`the relay said ${value ?? 'nothing'} instead of ${wanted}`);
  }
}

function removeLeftovers(): void {
  const names = ip('netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0]!);
  for (const name of names) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)-`).exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) removeNamespace(name);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function removeNamespace(name: string): void {
  const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  for (const pid of (stdout ?? '').split('\n').filter((line) => line !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  spawnSync('ip', ['netns', 'del', name]);
}
