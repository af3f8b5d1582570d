/**
 * Signals that ask this process to end: Ctrl-C, SIGTERM, a terminal that is closed (SIGHUP), used up processor time
 * (SIGXCPU), and Ctrl-\ (SIGQUIT). Work that ends in good order takes them over: the first asks it to, the second, and
 * SIGQUIT, end the process at once. All other work ends at once and says what it was. Whatever ends at once leaves
 * nothing behind (atExit), dumps no core and has the exit code of what was asked to leave.
 */
import { exitCodes } from '@unet-fleet/law';
import { exitWhenQuiet } from '@unet-fleet/shared';

export interface StopSignals {
  /** Aborted by the first signal; its reason is a sentence. */
  signal: AbortSignal;
  /** Stops listening: signals end the process at once, as they do by default. */
  release(): void;
}

interface Work {
  /** What it is doing, for a sentence such as "stopped by Ctrl-C during scan". */
  describe(): string;
  /** Leaves the terminal as it was; must not wait for anything. */
  end(): void;
}

interface Owner {
  /** False to have the process ended at once. */
  received(name: NodeJS.Signals): boolean;
  isAsked(): boolean;
  end(): void;
}

const askingSignals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGXCPU'];

/**
 * Two signals within this time are one request: npx hands on a Ctrl-C that the terminal has sent to its child already,
 * and a shell that ends sends SIGHUP to what the kernel sends it to as well.
 */
const sameRequestMs = 500;

const under = new Set<Work>();
const owners: Owner[] = [];

/** Begins to listen. `say` prints a last sentence, at once. */
export function listenToStopSignals(say: (sentence: string) => void, ignoresHangup: boolean): void {
  let isEnding = false;
  const received = (name: NodeJS.Signals) => {
    if (isEnding) return;
    const owner = owners.at(-1);
    if (name !== 'SIGQUIT' && owner?.received(name)) return;
    // The innermost says most.
    const doing = [...under].at(-1)?.describe();
    for (const { end } of [...under].reverse()) end();
    for (const { end } of owners) end();
    if (!owner?.isAsked()) {
      say(`stopped by ${shownName(name)}${doing ? ` during ${doing}` : ''}`);
    }
    isEnding = true;
    exitWhenQuiet(exitCodes.leftOnRequest);
  };
  for (const name of askingSignals) process.on(name, received);
  process.on('SIGQUIT', received);
  process.on('SIGHUP', ignoresHangup ? () => {} : received);
}

const shownNames: Partial<Record<NodeJS.Signals, string>> = {
  SIGINT: 'Ctrl-C',
  SIGHUP: 'SIGHUP, as its terminal was closed',
  SIGXCPU: 'SIGXCPU, as its processor time is used up',
};
const shownName = (name: NodeJS.Signals): string => shownNames[name] ?? name;

/** Says what this process does until the returned function is called, for the case that a signal ends it meanwhile. */
export function whileDoing(describe: () => string, end: () => void): () => void {
  const work = { describe, end };
  under.add(work);
  return () => under.delete(work);
}

/**
 * For work that ends in good order. `onFirst` tells the person what happens now; `onSecond` must not wait for anything.
 * Until `isReady` says so, there is nothing to end in good order, and the first signal ends the process.
 */
export function stopSignals(
  onFirst: () => void,
  onSecond: () => void,
  isReady: () => boolean = () => true,
): StopSignals {
  const controller = new AbortController();
  let askedAtMs = 0;
  const owner: Owner = {
    received(name) {
      if (!controller.signal.aborted) {
        if (!isReady()) return false;
        askedAtMs = performance.now();
        controller.abort(`asked to stop by ${name}`);
        onFirst();
        return true;
      }
      // A terminal that is closed after Ctrl-C asks for nothing new.
      return name === 'SIGHUP' || performance.now() - askedAtMs < sameRequestMs;
    },
    isAsked: () => controller.signal.aborted,
    end: onSecond,
  };
  owners.push(owner);
  return {
    signal: controller.signal,
    release() {
      owners.splice(owners.indexOf(owner), 1);
    },
  };
}
