/** What processes of this machine take, read from /proc: peak memory of children that may be gone a moment later. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const sampleEveryMs = 100;

/** Peak resident memory of a process so far, in MB; 0 when it is gone. */
function peakMb(pid: number): number {
  try {
    const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return line ? Number(line[1]) / 1024 : 0;
  } catch {
    return 0;
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]!.split(' ')[1]) === pid;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Watches this process's children whose command line has `word`, until `stop` gives the highest peak of one, in MB. */
export function watchChildren(word: string): { stop(): number } {
  let highest = 0;
  const look = () => {
    for (const child of childrenOf(process.pid)) {
      try {
        if (!readFileSync(`/proc/${child}/cmdline`, 'utf8').split('\0').includes(word)) continue;
      } catch {
        continue;
      }
      highest = Math.max(highest, peakMb(child));
    }
  };
  const timer = setInterval(look, sampleEveryMs);
  return {
    stop() {
      look();
      clearInterval(timer);
      return highest;
    },
  };
}

/** Runs a shell command; resolves to the last line of its output and its peak memory. Rejects when it fails. */
export function runShell(command: string): Promise<{ lastLine: string; peakMb: number }> {
  // exec: the shell becomes the command, so that its memory is that of the process we know.
  const child: ChildProcess = spawn('sh', ['-c', `exec ${command}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, peakMb(child.pid!));
  }, sampleEveryMs);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(timer);
      if (code === 0) resolve({ lastLine: output.trim().split('\n').at(-1) ?? '', peakMb: peak });
      else reject(new Error(`${command} ended with exit code ${code}`));
    });
  });
}
