/**
 * Whether SIGHUP was ignored when this process was started, as nohup and `trap '' HUP` ask for: then it stays ignored.
 * The kernel hands that down, but Node.js gives every signal its default before any of our code runs, so it is told from
 * what else they leave: nohup's name in `_` (bash, zsh), its input that can only be written to (GNU), and a process above
 * this one in the same session that ignores the signal. Where nothing shows it, SIGHUP stops a run with a checkpoint.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

const sighup = 1;

export function hangupIsIgnored(env: Readonly<Record<string, string | undefined>>): boolean {
  return basename(env._ ?? '') === 'nohup' || inputIsOfNohup() || someAncestorIgnoresIt();
}

/** GNU nohup gives a process that would read from its terminal /dev/null instead, opened for writing alone. */
function inputIsOfNohup(): boolean {
  try {
    if (readlinkSync('/proc/self/fd/0') !== '/dev/null') return false;
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync('/proc/self/fdinfo/0', 'utf8'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & 0o3) === 0o1;
  } catch {
    return false;
  }
}

/** In this session: above it are login and terminal programs, which have reasons of their own. */
function someAncestorIgnoresIt(): boolean {
  const self = processAt('self');
  for (let above = self && processAt(self.parent); above; above = processAt(above.parent)) {
    if (above.session !== self?.session || above.parent === 0) return false;
    if (above.ignoresHangup) return true;
  }
  return false;
}

function processAt(pid: number | string): { parent: number; session: number; ignoresHangup: boolean } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses, which may hold anything.
    const [, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ignored = /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
    const ignoresHangup = ((BigInt(`0x${ignored}`) >> BigInt(sighup - 1)) & 1n) === 1n;
    return { parent: Number(parent), session: Number(session), ignoresHangup };
  } catch {
    return null;
  }
}
