/**
 * What the page says of itself: short messages that are seen for a while, and sentences for screen readers alone. Both
 * live in regions that are there from the start, or their first sentence would not be read.
 */
import type { ComponentChildren } from 'preact';
import { createContext } from 'preact';
import { useCallback, useContext, useMemo, useRef, useState } from 'preact/hooks';

export interface Speech {
  /** Seen and said. */
  toast: (text: string, isGood: boolean) => void;
  /** Said alone. */
  announce: (text: string) => void;
}

interface Toast {
  id: number;
  text: string;
  isGood: boolean;
}

const toastMs = 8_000;
const maxToasts = 3;

const Context = createContext<Speech>({ toast: () => {}, announce: () => {} });

export const useSpeech = (): Speech => useContext(Context);

export function SpeechRegion({ children }: { children: ComponentChildren }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const [said, setSaid] = useState('');
  const nextId = useRef(0);
  const remove = useCallback((id: number) => setToasts((all) => all.filter((one) => one.id !== id)), []);
  const speech = useMemo<Speech>(
    () => ({
      announce: setSaid,
      toast: (text, isGood) => {
        const id = nextId.current++;
        setToasts((all) => [...all, { id, text, isGood }].slice(-maxToasts));
        setTimeout(() => remove(id), toastMs);
      },
    }),
    [remove],
  );
  return (
    <Context.Provider value={speech}>
      {children}
      <p class="visually-hidden" aria-live="polite">
        {said}
      </p>
      <div class="toasts" role="status">
        {toasts.map(({ id, text, isGood }) => (
          <p key={id} class={isGood ? 'toast' : 'toast is-bad'}>
            <span>
              {!isGood && <strong>Not done: </strong>}
              {text}
            </span>
            <button type="button" aria-label="Dismiss this message" onClick={() => remove(id)}>
              ×
            </button>
          </p>
        ))}
      </div>
    </Context.Provider>
  );
}
