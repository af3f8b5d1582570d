/** The embedded broker's configuration file, as a function of what varies. */

export interface ServerConfig {
  host: string;
  /** -1: any free one. */
  port: number;
  user: string;
  password: string;
  sysUser: string;
  sysPassword: string;
  logPath: string;
  pidPath: string;
  portsFolder: string;
}

/** Text of a nats-server configuration: one account for the run, and one that sees connections come and go. */
export function serverConfigText(config: ServerConfig): string {
  // JSON's strings are strings of this format as well.
  const text = (value: string) => JSON.stringify(value);
  return `# Made by unet-fleet for one run; the credentials hold only as long as it.
server_name: unet-fleet
host: ${text(config.host)}
port: ${config.port}
ports_file_dir: ${text(config.portsFolder)}
pid_file: ${text(config.pidPath)}
log_file: ${text(config.logPath)}
logfile_size_limit: 10MB
logfile_max_num: 2

# A frame is at most 1 MiB and its header.
max_payload: 2MB
# A receiver that lags by more is cut off; credits keep a healthy one far below.
max_pending: 64MB
write_deadline: "10s"
# Tells of a client whose machine went away without a word.
ping_interval: "10s"
ping_max: 2

accounts: {
  FLEET: { users: [ { user: ${text(config.user)}, password: ${text(config.password)} } ] }
  SYS: { users: [ { user: ${text(config.sysUser)}, password: ${text(config.sysPassword)} } ] }
}
system_account: SYS
`;
}
