/**
 * The one place that turns what the system refused (errno, and what name servers and TLS add to it) into a sentence with a
 * remedy. What it keeps true: an operating fault is never told as a bug, and what the system did not refuse is never
 * told as an operating fault.
 */
import { type ExitCode, exitCodes, UserError } from '@unet-fleet/law';

/** What was being done, for errors that do not say it themselves. */
export interface Doing {
  /** As a noun after "for", such as "the run" or "a checkpoint". */
  what?: string;
  /** File, folder or address, where the error names none. */
  path?: string;
  /** What to do instead, after the general remedy: "or choose another folder with --out". */
  instead?: string;
}

interface Cause {
  why: string;
  remedy: string;
  exitCode: ExitCode;
}

const { usage, unavailable } = exitCodes;
const cause = (why: string, remedy: string, exitCode: ExitCode = unavailable): Cause => ({
  why,
  remedy,
  exitCode,
});

const causes: Record<string, Cause> = {
  EACCES: cause('there is no permission for it', 'change its owner or mode', usage),
  EPERM: cause('the system does not permit it', 'change its owner or mode', usage),
  EROFS: cause('its file system is read-only', 'name a place that can be written', usage),
  ENOSPC: cause('no space is left on its disk', 'free some'),
  EDQUOT: cause("the disk's quota is used up", 'free some, or have it raised'),
  EFBIG: cause('it is larger than the system lets a file be', 'raise the limit (ulimit -f)'),
  EMFILE: cause('this process may not open more files', 'raise the limit (ulimit -n 65536)'),
  ENFILE: cause('the system has no more files to open', 'end other programs, or raise fs.file-max'),
  ENOENT: cause('there is no such file or folder', 'check the path', usage),
  ENOTDIR: cause('something in its path is no folder', 'check the path, or move what is in the way', usage),
  EISDIR: cause('it is a folder where a file is wanted', 'check the path', usage),
  EEXIST: cause('something of that name is there already', 'move it', usage),
  ENOTEMPTY: cause('the folder is not empty', 'move what is in it', usage),
  ENAMETOOLONG: cause('its name is longer than the file system takes', 'give a shorter one', usage),
  EILSEQ: cause('the file system does not take its name', 'give another name', usage),
  ELOOP: cause('its links lead to each other', 'check the links in its path', usage),
  EXDEV: cause('it would be moved to another file system', 'name a place on the same disk', usage),
  EINVAL: cause('its file system does not do that', 'name a place on another file system', usage),
  ENOSYS: cause('this system does not do that', 'name a place on another file system', usage),
  ENOTSUP: cause('its file system does not do that', 'name a place on another file system', usage),
  ENODEV: cause('there is no such device', 'check the path', usage),
  ENXIO: cause('there is no such device, or nobody at its other end', 'check the path', usage),
  ESPIPE: cause('it is a pipe where a file is wanted', 'give a file', usage),
  EIO: cause('the disk reports an input/output error', 'check the disk'),
  EBUSY: cause('it is in use by the system', 'end what uses it, or name another place'),
  ETXTBSY: cause('the program is being written or run', 'try again when that has ended'),
  ESTALE: cause('the file server has lost it', 'mount that file system again'),
  ENOLCK: cause('the file system has no locks left', 'check its server'),
  EDEADLK: cause('the file system refuses a lock', 'check its server'),
  ENOMEM: cause('the system has no memory left for it', 'end other programs, or raise the limit'),
  EAGAIN: cause('the system has no room for it at the moment', 'raise the limits (ulimit -u, ulimit -v)'),
  ENOEXEC: cause('it is no program of this machine', 'check that it is for this processor', usage),
  E2BIG: cause(
    'its arguments and environment are longer than the system takes',
    'name a folder, not single files',
    usage,
  ),
  ESRCH: cause('the process is gone', 'start it again'),
  ECHILD: cause('the process is gone', 'start it again'),
  EPIPE: cause('the other end has closed', 'check what reads it'),
  ECONNREFUSED: cause('nothing listens there', 'start it, or check host and port'),
  ECONNRESET: cause('the other end has cut the connection', 'try again'),
  ECONNABORTED: cause('the connection was cut', 'try again'),
  ENOTCONN: cause('there is no connection', 'try again'),
  ETIMEDOUT: cause('nothing answers there', 'check host, port and firewall'),
  EHOSTUNREACH: cause('there is no way to that host', 'check host and network'),
  EHOSTDOWN: cause('that host is down', 'check host and network'),
  ENETUNREACH: cause('there is no way to that network', 'check address and network'),
  ENETDOWN: cause('the network is down', 'check the network'),
  EADDRINUSE: cause('the port is taken', 'choose another, or end what uses it', usage),
  EADDRNOTAVAIL: cause('this machine has no such address', 'give one that it has', usage),
  EAFNOSUPPORT: cause(
    'this machine does not speak that kind of address',
    'give one of the other kind',
    usage,
  ),
  EPROTONOSUPPORT: cause('this machine does not speak that protocol', 'give another address', usage),
  ENOTFOUND: cause('no machine of that name is known', 'check the name', usage),
  EAI_AGAIN: cause('the name server does not answer', 'check the network, or give an IP address'),
  ENODATA: cause('no address is known of that name', 'check the name', usage),
  ESERVFAIL: cause('the name server has failed', 'check the network, or give an IP address'),
  EMSGSIZE: cause('it is larger than the network takes', 'check the network'),
  ENOBUFS: cause('the system has no room for it at the moment', 'end other programs'),
};

/** Where the same code has another cause. */
const causesOf: Record<string, Record<string, Cause>> = {
  mkdir: {
    ENOENT: cause(
      'its file system takes no new folders, or the folder above is gone',
      'name another place',
      usage,
    ),
  },
  spawn: {
    ENOENT: cause('there is no such program', 'install it, or check PATH', usage),
    EACCES: cause('it may not be run', 'change its mode, or install it anew', usage),
  },
  uv_os_get_passwd: { ENOENT: cause('there is none', 'set HOME, or UNET_FLEET_CACHE to a folder', usage) },
  uv_os_homedir: { ENOENT: cause('there is none', 'set HOME, or UNET_FLEET_CACHE to a folder', usage) },
  uv_cwd: {
    ENOENT: cause('it was removed', 'go into another folder (cd) and call it again', usage),
  },
  listen: { EACCES: cause('there is no permission for that port', 'choose one above 1023', usage) },
  bind: { EACCES: cause('there is no permission for that port', 'choose one above 1023', usage) },
};

/** What a call is about that names nothing. */
const subjects: Record<string, string> = {
  uv_cwd: 'the working folder',
  uv_os_get_passwd: "this user's entry in /etc/passwd",
  uv_os_homedir: "this user's home folder",
  thread: 'a thread of this process',
};

/** What can't be done, by the system call. */
const verbs: Record<string, string> = {
  open: 'opened',
  read: 'read',
  write: 'written',
  writev: 'written',
  close: 'closed',
  mkdir: 'made',
  mkdtemp: 'made',
  scandir: 'listed',
  opendir: 'listed',
  stat: 'looked at',
  lstat: 'looked at',
  fstat: 'looked at',
  access: 'looked at',
  realpath: 'looked at',
  readlink: 'looked at',
  statfs: 'looked at',
  rename: 'renamed',
  link: 'linked',
  symlink: 'linked',
  unlink: 'removed',
  rmdir: 'removed',
  rm: 'removed',
  fsync: 'written',
  fdatasync: 'written',
  ftruncate: 'written',
  copyfile: 'copied',
  chmod: 'given its mode',
  fchmod: 'given its mode',
  connect: 'reached',
  getaddrinfo: 'found',
  listen: 'listened on',
  bind: 'listened on',
  spawn: 'started',
  kill: 'ended',
  uv_cwd: 'found',
  uv_os_get_passwd: 'found',
  uv_os_homedir: 'found',
  thread: 'started or kept',
};

/** As the system and libuv name errors; `ERR_…` are the runtime's own, which tell of a bug. */
const codeForm = /^E(?!RR_)[A-Z0-9_]+$/;
/** As the runtime words them, maybe with its stack: all that is left of an error that came from another thread. */
const messageForm =
  /^(?:Error: )?(E(?!RR_)[A-Z0-9]+): [^,\n]+, (\w+)(?: '([^'\n]*)')?(?: -> '[^'\n]*')?(?:\n\s+at .*)?$/s;
/** A thread that can't be started, or has ended, for want of something. */
const threadForm = /^Worker initialization failure: (E[A-Z]+)$/;

interface Refusal {
  code: string;
  syscall: string;
  /** '' where the error names nothing. */
  subject: string;
}

interface SystemError extends NodeJS.ErrnoException {
  address?: string;
  port?: number;
  hostname?: string;
  info?: { code: string; syscall: string };
}

/** What the system refused; null for an error that does not come from it. */
function refusalIn(error: unknown): Refusal | null {
  if (!(error instanceof Error)) return null;
  const { code, syscall, message, info } = error as SystemError;
  if (typeof code === 'string' && codeForm.test(code)) {
    return { code, syscall: firstWord(syscall), subject: subjectOf(error) };
  }
  // Of the user and the home folder, whose errors the runtime wraps.
  if (code === 'ERR_SYSTEM_ERROR' && info !== undefined) return { subject: '', ...info };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return { code: 'ENOMEM', syscall: 'thread', subject: '' };
  const lacking = threadForm.exec(message)?.[1];
  if (lacking !== undefined) return { code: lacking, syscall: 'thread', subject: '' };
  const [, said, call = '', path = ''] = code === undefined ? (messageForm.exec(message) ?? []) : [];
  if (said !== undefined) return { code: said, syscall: call, subject: path };
  // Such as all addresses of a name, none of which answers; or what a fetch failed of.
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return inner === undefined || inner === error ? null : refusalIn(inner);
}

/** "spawn nvidia-smi" is a call with its argument. */
const firstWord = (syscall: string | undefined): string => syscall?.split(' ')[0] ?? '';

function subjectOf(error: SystemError): string {
  const { path, address, port, hostname, syscall = '' } = error;
  if (path) return path;
  if (address) return port ? `${address.includes(':') ? `[${address}]` : address}:${port}` : address;
  return hostname ?? syscall.split(' ')[1] ?? '';
}

/** Whether the system refused something: an operating fault, not a bug. */
export const isSystemError = (error: unknown): boolean => refusalIn(error) !== null;

/** The code of what the system refused, such as ENOENT; '' where it refused nothing. */
export const errnoOf = (error: unknown): string => refusalIn(error)?.code ?? '';

/** Whether this very error, not one within it, has one of these codes. */
export const isErrno = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

/** Why the system refused, for a list that names the thing itself: "there is no permission for it (EACCES)"; '' where it did not. */
export function refusalOf(error: unknown): string {
  const refusal = refusalIn(error);
  return refusal === null ? '' : `${causeOf(refusal).why} (${refusal.code})`;
}

const causeOf = ({ code, syscall }: Refusal): Cause =>
  causesOf[syscall]?.[code] ?? causes[code] ?? cause('the system refuses it', 'check the machine');

/**
 * One sentence about what the system refused, with a remedy: "/data/runs can't be made for the run: its file system is
 * read-only (EROFS): name a place that can be written". Null for an error that does not come from the system.
 */
export function systemError(
  error: unknown,
  { what = '', path = '', instead = '' }: Doing = {},
): UserError | null {
  const refusal = refusalIn(error);
  if (refusal === null) return null;
  const { code, syscall } = refusal;
  const { why, remedy, exitCode } = causeOf(refusal);
  const otherwise = instead === '' ? '' : `, ${instead}`;
  if (what !== '' && isInTheWay(code)) {
    // Who names the fault exactly is makeFolder; others name what lies below it.
    const blocking = code === 'EEXIST' || syscall === 'mkdir' ? refusal.subject : path;
    return new UserError(
      `${blocking || path} is in the way of ${what}: it is no folder; move it${otherwise}`,
      usage,
    );
  }
  if (what !== '' && code === 'ENOENT' && !(syscall in causesOf)) {
    const message = `${path || refusal.subject} was removed during ${what}: let nothing else change it`;
    return new UserError(message, unavailable);
  }
  const verb = verbs[syscall] ?? 'used';
  const subject =
    subjects[syscall] ||
    refusal.subject ||
    path ||
    (syscall ? `what is to be ${verb} (${syscall})` : 'something');
  const purpose = what === '' ? '' : ` for ${what}`;
  return new UserError(
    `${subject} can't be ${verb}${purpose}: ${why} (${code}); ${remedy}${otherwise}`,
    exitCode,
  );
}

const isInTheWay = (code: string): boolean => code === 'ENOTDIR' || code === 'EEXIST';

/** The error as its reader is to get it: the sentence for what the system refused, everything else as it is. */
export const explained = (error: unknown, doing: Doing = {}): unknown =>
  error instanceof UserError ? error : (revived(error) ?? systemError(error, doing) ?? error);

/** A UserError of another thread, which has lost its class on the way. */
function revived(error: unknown): UserError | null {
  if (!(error instanceof Error) || error.name !== 'UserError') return null;
  return new UserError(error.message, (error as Partial<UserError>).exitCode ?? unavailable);
}
