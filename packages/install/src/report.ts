/** What slow set-up steps tell about themselves, and the reader that shows it in a terminal or a log. */

export type InstallEvent =
  /** A step begins that takes more than a moment. */
  | { type: 'started'; step: string }
  /** totalBytes 0: not known. */
  | { type: 'progress'; step: string; doneBytes: number; totalBytes: number }
  | { type: 'done'; step: string; ms: number }
  /** Something to know that is no step, such as what is there already. */
  | { type: 'note'; text: string };

export type InstallReport = (event: InstallEvent) => void;

export const silentReport: InstallReport = () => {};

/** Runs a step between its `started` and `done`. */
export async function inStep<T>(step: string, report: InstallReport, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  report({ type: 'started', step });
  const result = await work();
  report({ type: 'done', step, ms: performance.now() - startedAt });
  return result;
}

export interface ReportStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

const barWidth = 24;
/** Where no bar can be drawn, seconds between two lines of one step. */
const lineEveryMs = 5000;
const redrawEveryMs = 100;

/** Shows events: a bar that redraws itself in a terminal, else a line now and then. */
export function showInstall(
  stream: ReportStream,
  now: () => number = () => performance.now(),
): InstallReport {
  let startedAtMs = 0;
  let shownAtMs = Number.NEGATIVE_INFINITY;
  let isBarShown = false;
  const clearBar = () => {
    if (isBarShown) stream.write('\r\u001b[2K');
    isBarShown = false;
  };
  return (event) => {
    if (event.type === 'progress') {
      if (now() - shownAtMs < (stream.isTTY ? redrawEveryMs : lineEveryMs)) return;
      shownAtMs = now();
      const text = progressText(event, now() - startedAtMs);
      if (!stream.isTTY) {
        stream.write(`${text}\n`);
        return;
      }
      clearBar();
      stream.write(text.slice(0, Math.max(20, (stream.columns ?? 80) - 1)));
      isBarShown = true;
      return;
    }
    clearBar();
    if (event.type === 'started') {
      startedAtMs = now();
      // A line at once, then one every few seconds.
      shownAtMs = stream.isTTY ? Number.NEGATIVE_INFINITY : now();
      stream.write(`${event.step} …\n`);
    }
    if (event.type === 'done') stream.write(`${event.step}: done in ${(event.ms / 1000).toFixed(1)} s\n`);
    if (event.type === 'note') stream.write(`${event.text}\n`);
  };
}

/** Such as "[######------] 142 of 274 MB, 31 MB/s, 4 s left". */
export function progressText(event: { doneBytes: number; totalBytes: number }, elapsedMs: number): string {
  const { doneBytes, totalBytes } = event;
  const bytesPerMs = elapsedMs > 0 ? doneBytes / elapsedMs : 0;
  const rate = `${((bytesPerMs * 1000) / 1e6).toFixed(1)} MB/s`;
  if (totalBytes === 0) return `  ${megabytes(doneBytes)} MB, ${rate}`;
  const share = Math.min(1, doneBytes / totalBytes);
  const filled = Math.round(share * barWidth);
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}]`;
  const left = bytesPerMs > 0 ? `, ${Math.ceil((totalBytes - doneBytes) / bytesPerMs / 1000)} s left` : '';
  return `  ${bar} ${megabytes(doneBytes)} of ${megabytes(totalBytes)} MB, ${rate}${share < 1 ? left : ''}`;
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
