/** `unet-fleet status`: what a run is doing, who is awaited, since when and why. */
import { basename } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { RunHistory } from '@unet-fleet/dashboard/history/run-history';
import type { Status } from '@unet-fleet/dashboard/protocol';
import { headOf, Pace } from '@unet-fleet/dashboard/server/head';
import { exitCodes, printable, stepsPerEpoch, UserError } from '@unet-fleet/law';
import { type RecordedStatus, readStatus } from '@unet-fleet/record';
import { Command } from 'commander';
import { type Io, printJson } from '../io.ts';
import { addRunName, namedRunDir, type RunNameFlags } from '../run-folders.ts';
import { stopSignals } from '../stop-signals.ts';
import { openBlock } from '../terminal/redraw.ts';
import { createScreen } from '../terminal/screen.ts';
import { changedLines, isOver, type StatusView, statusLines, type Told } from '../terminal/status-lines.ts';

interface StatusFlags extends RunNameFlags {
  watch?: boolean;
  json?: boolean;
}

export const statusCommand = (io: Io): Command =>
  addRunName(new Command('status'))
    .option('--watch', 'go on showing it until the run ends, or Ctrl-C')
    .option('--json', 'print it as JSON; with --watch, a line each time')
    .addHelpText('after', '\nExamples:\n  npx unet-fleet status runs/0003\n  npx unet-fleet status --watch')
    .action(async (run: string | undefined, { watch, json, ...named }: StatusFlags) => {
      const reader = statusReader(namedRunDir(named, io, run));
      if (watch) {
        await watched(reader, json ? jsonDisplay(io) : displayOf(io), io);
        return;
      }
      const view = await reader();
      if (json) printJson(io, jsonOf(view));
      else {
        const screen = createScreen(io.stdout, io.env);
        for (const line of statusLines(view, new Date())) screen.print(line);
      }
    });

/** Each call reads the status anew, and of the metrics what came since. Throws a UserError when the run has none. */
function statusReader(runDir: string): () => Promise<StatusView> {
  const history = historyOf(runDir);
  const pace = new Pace();
  if (history) {
    history.listener = {
      onEvent: (event) => event.type === 'step' && pace.add(event.step, Date.parse(event.at)),
      onAnew: () => pace.clear(),
    };
  }
  return async () => {
    await history?.refresh();
    const status = readStatus(runDir);
    const head = history && headFor(status, history, pace);
    return { name: printable(basename(runDir)), status, head };
  };
}

/** A run whose other files are damaged has a status all the same. */
function historyOf(runDir: string): RunHistory | null {
  try {
    return new RunHistory(runDir);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return null;
  }
}

function headFor(status: RecordedStatus, history: RunHistory, pace: Pace): Status {
  const { plan } = history;
  const { facts = [], isPaused = status.state === 'paused', stopsAfterEpoch = false } = status;
  return headOf(
    { ...status, facts, isPaused, stopsAfterEpoch },
    history.course,
    { numStepsPerEpoch: stepsPerEpoch(plan), numEpochs: plan.epochs },
    pace.stepsPerMs(),
  );
}

function jsonOf({ name, status, head }: StatusView) {
  if (!head) return { name, ...status };
  const { epoch, numEpochs, imagesPerSecond, timeLeftMs, best, learningRate } = head;
  return { name, ...status, epoch, numEpochs, imagesPerSecond, timeLeftMs, best, learningRate };
}

interface Display {
  show(view: StatusView): void;
  end(): void;
}

const everyMs = 1_000;
/** A status that can't be read for longer is not one that is being replaced. */
const maxMissed = 10;

async function watched(
  read: () => Promise<StatusView>,
  display: Display,
  { stdout }: Pick<Io, 'stdout'>,
): Promise<void> {
  const stop = stopSignals(
    () => {},
    () => display.end(),
  );
  // There is nothing to watch for where nobody reads it, or it can't be written.
  const signal = AbortSignal.any([stop.signal, stdout.gone]);
  try {
    display.show(await read());
    for (let numMissed = 0, isLast = false; !isLast && !signal.aborted && stdout.error === null; ) {
      await wait(everyMs, null, { signal }).catch(() => {});
      // A reader that has stopped is not told of each second later.
      if (!(await stdout.flushed(0))) continue;
      try {
        const view = await read();
        numMissed = 0;
        isLast = isOver(view);
        display.show(view);
      } catch (error) {
        if (!(error instanceof UserError) || ++numMissed > maxMissed) throw error;
      }
    }
  } finally {
    display.end();
    stop.release();
  }
  process.exitCode = exitCodes.ok;
}

function displayOf(io: Io): Display {
  const screen = createScreen(io.stdout, io.env);
  if (!screen.isLive) return linesDisplay((line) => screen.print(line));
  const block = openBlock(io.stdout);
  return { show: (view) => block.show(statusLines(view, new Date())), end: () => block.end() };
}

function linesDisplay(print: (line: string) => void): Display {
  let told: Told | null = null;
  return {
    show(view) {
      const changed = changedLines(told, view, new Date());
      told = changed.told;
      for (const line of changed.lines) print(line);
    },
    end() {},
  };
}

function jsonDisplay(io: Io): Display {
  let last = '';
  return {
    show(view) {
      if (view.status.at === last) return;
      last = view.status.at;
      io.stdout.write(`${JSON.stringify(jsonOf(view))}\n`);
    },
    end() {},
  };
}
