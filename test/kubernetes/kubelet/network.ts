/**
 * The pods' network: a bridge in the test's own network namespace, and for each container a pair of interfaces with one
 * end in its namespace. Nothing leads out of it.
 */
import { spawn } from 'node:child_process';

const bridge = 'pods0';
export const bridgeAddress = '10.244.0.1';
export const prefixLength = 16;

let numPairs = 0;
let numAddresses = 1;

export async function makeBridge(): Promise<void> {
  await ip([
    `link add ${bridge} type bridge`,
    `addr add ${bridgeAddress}/${prefixLength} dev ${bridge}`,
    `link set ${bridge} up`,
  ]);
}

/** An address that no pod has had. */
export function newAddress(): string {
  numAddresses++;
  return `10.244.${numAddresses >> 8}.${numAddresses & 255}`;
}

/** Gives the namespace of a process an interface eth0 on the bridge; it goes with the namespace. */
export async function connect(pid: number): Promise<void> {
  numPairs++;
  const outside = `pod${numPairs}`;
  await ip([
    `link add ${outside} type veth peer name eth0 netns ${pid}`,
    `link set ${outside} master ${bridge} up`,
  ]);
}

async function ip(lines: readonly string[]): Promise<void> {
  const child = spawn('ip', ['-batch', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.end(`${lines.join('\n')}\n`);
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`ip did not go through: ${stderr.trim()}`);
}
