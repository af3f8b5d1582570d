/**
 * State of a view that outlives it, for as long as the page is open: who looks at another view for a moment finds
 * everything as it was. Bounded by its keys: one for a setting, one for a setting of a run.
 */
import { useCallback, useState } from 'preact/hooks';

const kept = new Map<string, unknown>();

export type Change<Value> = (next: Value | ((before: Value) => Value)) => void;

/** Like useState, under a name. What changes it may do so after the view has gone. */
export function useKept<Value>(key: string, initial: () => Value): [Value, Change<Value>] {
  const [, redraw] = useState(0);
  if (!kept.has(key)) kept.set(key, initial());
  const change = useCallback<Change<Value>>(
    (next) => {
      const before = kept.get(key) as Value;
      kept.set(key, typeof next === 'function' ? (next as (before: Value) => Value)(before) : next);
      redraw((count) => count + 1);
    },
    [key],
  );
  return [kept.get(key) as Value, change];
}
