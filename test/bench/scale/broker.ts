/**
 * A broker as a run starts one, with its monitoring port open: what it says there of slow consumers, and of the bytes that
 * have passed it, nobody else sees.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findNatsServer } from '@unet-fleet/coordinator';
import { serverConfigText } from '@unet-fleet/coordinator/broker/server-config';
import { startServer } from '@unet-fleet/coordinator/broker/server-process';
import { coordinatorIdentity } from '@unet-fleet/wire';

export interface BrokerLogin {
  url: string;
  user: string;
  password: string;
}

export interface BrokerCounts {
  numSlowConsumers: number;
  inBytes: number;
  outBytes: number;
  inMessages: number;
  outMessages: number;
}

export interface MonitoredBroker {
  pid: number;
  coordinator: BrokerLogin;
  workers: BrokerLogin[];
  counts(): Promise<BrokerCounts>;
  stop(): Promise<void>;
}

const host = '127.0.0.1';

/** Starts one in `folder`. Throws a UserError where the server can't be had. */
export async function startMonitoredBroker(folder: string, numWorkers: number): Promise<MonitoredBroker> {
  const { path: program } = await findNatsServer();
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  const logins = [coordinatorIdentity, ...Array.from({ length: numWorkers }, (_, i) => `local-${i + 1}`)].map(
    (user) => ({ user, password: randomBytes(24).toString('base64url') }),
  );
  const files = {
    logPath: join(folder, 'nats-server.log'),
    pidPath: join(folder, 'nats-server.pid'),
    portsFolder: folder,
  };
  const config = serverConfigText({
    title: 'Made by a benchmark of unet-fleet; the credentials hold only as long as it.',
    host,
    port: -1,
    users: logins.map((login) => ({ identity: login.user, login })),
    monitor: null,
    tls: null,
    files,
  });
  const configPath = join(folder, 'nats-server.conf');
  writeFileSync(configPath, `${config}http: "${host}:-1"\n`, { mode: 0o600 });
  const server = await startServer({ program, configPath, host, port: 0, ...files });
  const url = `nats://${host}:${server.port}`;
  const [coordinator, ...workers] = logins.map((login) => ({ url, ...login }));
  const monitoring = monitoringUrl(folder);
  return {
    pid: server.pid,
    coordinator: coordinator!,
    workers,
    async counts() {
      const answer = await fetch(`${monitoring}/varz`);
      const varz = (await answer.json()) as Record<string, number>;
      return {
        numSlowConsumers: varz.slow_consumers!,
        inBytes: varz.in_bytes!,
        outBytes: varz.out_bytes!,
        inMessages: varz.in_msgs!,
        outMessages: varz.out_msgs!,
      };
    },
    stop: server.stop,
  };
}

/** From the file in which the server writes its ports. */
function monitoringUrl(folder: string): string {
  const name = readdirSync(folder).find((file) => file.endsWith('.ports'));
  const { monitoring } = JSON.parse(readFileSync(join(folder, name!), 'utf8')) as { monitoring: string[] };
  return monitoring[0]!;
}
