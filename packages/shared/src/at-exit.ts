/**
 * What a process must not leave behind however it ends: temporary files, shared memory, children. What is registered
 * here is undone when the process exits by itself, crashes, or is ended at once by a signal. Only SIGKILL gets past it;
 * what that leaves is tidied by the next process.
 */
const undos = new Set<() => void>();

/** `undo` must be synchronous; what it throws is dropped. Returns what takes it back, when there is nothing to undo. */
export function atExit(undo: () => void): () => void {
  if (undos.size === 0) process.on('exit', undoAll);
  undos.add(undo);
  return () => {
    undos.delete(undo);
    if (undos.size === 0) process.off('exit', undoAll);
  };
}

/** The newest first: a child goes before the folder that it writes into. */
function undoAll(): void {
  for (const undo of [...undos].reverse()) {
    try {
      undo();
    } catch {
      // Nobody is left to be told, and the others still count.
    }
  }
  undos.clear();
}

const quiets = new Set<() => Promise<void>>();
/** For one operation of a library; after it the process ends all the same. */
const patienceMs = 10_000;

/**
 * A thread that runs native code brings the process down with SIGSEGV if it is ended in the middle of it. `quiet` begins
 * nothing new and resolves when nothing is under way. Returns what takes it back.
 */
export function quietBeforeExit(quiet: () => Promise<void>): () => void {
  quiets.add(quiet);
  return () => quiets.delete(quiet);
}

/** Ends the process, at once where no native code is in the way. */
export function exitWhenQuiet(exitCode: number): void {
  const end = () => process.exit(exitCode);
  if (quiets.size === 0) end();
  else {
    void Promise.all([...quiets].map((quiet) => quiet())).then(end, end);
    setTimeout(end, patienceMs);
  }
}
