/**
 * A nats-server configuration as a function of what varies: for the broker that a run starts for itself, and for one
 * that serves a cluster. Both hold every user to its role, and bound what any client can make the server keep.
 */
import { disconnectSubject } from '@unet-fleet/wire';
import { type Permissions, permissionsOf } from './permissions.ts';

/** How a user proves itself: by a password, or by the private half of this public key. */
export type Login = { user: string; password: string } | { nkey: string };

export interface FleetUser {
  /** 'coordinator', 'reducer', or a worker's. */
  identity: string;
  login: Login;
}

export interface ServerConfig {
  /** Says who made the file and for what; becomes a comment. */
  title: string;
  host: string;
  /** -1: any free one. */
  port: number;
  users: readonly FleetUser[];
  /** Sees the server itself, and nothing of the runs; null for none. */
  monitor: Login | null;
  /** Paths of certificate and key; null for none. */
  tls: { certificate: string; key: string } | null;
  /** Where a server that is watched over says what it does; null for one that an operator runs. */
  files: { logPath: string; pidPath: string; portsFolder: string } | null;
}

/** JSON's strings are strings of this format as well. */
const text = (value: string) => JSON.stringify(value);
const list = (values: readonly string[]) => `[${values.map(text).join(', ')}]`;

/** Text of a nats-server configuration: an account for the runs, and one that sees connections come and go. */
export function serverConfigText(config: ServerConfig): string {
  return `# ${config.title}
server_name: unet-fleet
host: ${text(config.host)}
port: ${config.port}
${config.files ? filesText(config.files) : ''}${config.tls ? tlsText(config.tls) : ''}
# A bucket of 4 MiB and its header are one message; nothing that a peer sends is larger.
max_payload: 8MB
# A receiver that lags by more is cut off; credits keep a healthy one far below.
max_pending: 64MB
write_deadline: "10s"
max_control_line: 4KB
max_connections: 4096
max_subscriptions: 256
# Tells of a client whose machine went away without a word.
ping_interval: "10s"
ping_max: 2

accounts: {
  FLEET: {
    users: [
${config.users.map(userText).join('\n')}
    ]
    # The coordinator, and nobody else, hears at once of a connection that ends.
    imports: [
      { stream: { account: SYS, subject: "$SYS.ACCOUNT.FLEET.DISCONNECT" }, to: ${text(disconnectSubject)} }
    ]
  }
  SYS: {
    users: [${config.monitor ? ` { ${loginText(config.monitor)} } ` : ''}]
    exports: [ { stream: "$SYS.ACCOUNT.FLEET.DISCONNECT", accounts: [FLEET] } ]
  }
}
system_account: SYS
`;
}

const filesText = ({ logPath, pidPath, portsFolder }: NonNullable<ServerConfig['files']>) => `\
ports_file_dir: ${text(portsFolder)}
pid_file: ${text(pidPath)}
log_file: ${text(logPath)}
logfile_size_limit: 10MB
logfile_max_num: 2
`;

const tlsText = ({ certificate, key }: NonNullable<ServerConfig['tls']>) => `\
# A client must encrypt before it says who it is.
tls: { cert_file: ${text(certificate)}, key_file: ${text(key)}, timeout: 5 }
authorization: { timeout: 5 }
`;

const loginText = (login: Login) =>
  'nkey' in login ? `nkey: ${login.nkey}` : `user: ${text(login.user)}, password: ${text(login.password)}`;

const permissionsText = ({ publish, subscribe }: Permissions) =>
  `permissions: {\n        publish: { allow: ${list(publish)} }\n        subscribe: { allow: ${list(subscribe)} }\n      }`;

function userText({ identity, login }: FleetUser): string {
  return `      # ${identity}\n      { ${loginText(login)}, ${permissionsText(permissionsOf(identity))} }`;
}
