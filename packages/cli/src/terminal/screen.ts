/**
 * The stream that people read: lines that stay, and one live line below them where the stream is a terminal. All
 * output for people goes through here; figures for programs (--json) go to stdout by themselves.
 */
import { styleText } from 'node:util';
import { SingleBar } from 'cli-progress';
import { type BarState, barLine } from './bar.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

export interface Screen {
  /** A terminal, which can show a live line. */
  readonly isLive: boolean;
  readonly columns: number;
  print(text: string, style?: Style): void;
  /** Shows the live line, or removes it; nothing where the stream is no terminal. */
  showBar(bar: BarState | null): void;
}

export interface ScreenStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** Whether lines can be drawn again: a terminal that does not say what it is, is taken for one that can't. */
export const isLiveTerminal = (
  stream: ScreenStream,
  env: Readonly<Record<string, string | undefined>>,
): boolean => stream.isTTY === true && !['', 'dumb'].includes(env.TERM ?? '');

/** Columns that text is laid out in where the stream has no width. */
const plainColumns = 100;

/** NO_COLOR (any value but the empty one) turns colours off, as no-color.org asks; TERM=dumb or none the live line as well. */
export function createScreen(
  stream: ScreenStream,
  env: Readonly<Record<string, string | undefined>>,
): Screen {
  const isLive = isLiveTerminal(stream, env);
  const hasColour = isLive && !env.NO_COLOR;
  let bar: SingleBar | null = null;
  let shown: BarState | null = null;

  const hide = () => {
    bar?.stop();
    bar = null;
  };
  const show = (state: BarState) => {
    bar = new SingleBar({
      // It only writes to it, and asks whether it is a terminal and how wide.
      stream: stream as unknown as NodeJS.WritableStream,
      fps: 10,
      clearOnComplete: true,
      hideCursor: true,
      format: (_options, params, payload: { state: BarState }) =>
        barLine(payload.state, (params as unknown as { maxWidth: number }).maxWidth),
    });
    bar.start(state.total, state.done, { state });
  };

  return {
    isLive,
    get columns() {
      return isLive ? Math.max(20, stream.columns || 80) : plainColumns;
    },
    print(text, style) {
      hide();
      stream.write(`${hasColour && style ? styleText(style, text, { validateStream: false }) : text}\n`);
      if (shown) show(shown);
    },
    showBar(state) {
      if (!isLive) return;
      shown = state;
      if (!state) hide();
      else if (bar) bar.update(state.done, { state });
      else show(state);
    },
  };
}
