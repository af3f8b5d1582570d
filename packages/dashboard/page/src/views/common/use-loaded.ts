/** Things that are loaded for a component: the one asked for last counts, whatever order they come in. */
import { messageOf } from '@unet-fleet/law';
import { useEffect, useState } from 'preact/hooks';

export interface Loaded<Value> {
  /** Of the inputs asked for last; the ones before stay until it is there, so that nothing flickers. */
  value: Value | null;
  error: string | null;
  isLoading: boolean;
}

const retryMs = 5_000;

/**
 * `inputs` as for an effect: loads anew when one changes, unless it changes again within `settleMs`: a slider that is
 * drawn over a hundred steps asks for the few at which it rests. What can not be had is asked for again now and then.
 */
export function useLoaded<Value>(
  load: () => Promise<Value>,
  inputs: readonly unknown[],
  settleMs = 0,
): Loaded<Value> {
  const [loaded, setLoaded] = useState<Loaded<Value>>({ value: null, error: null, isLoading: true });
  useEffect(() => {
    let isWanted = true;
    setLoaded((before) => ({ ...before, isLoading: true }));
    const begin = () =>
      load().then(
        (value) => isWanted && setLoaded({ value, error: null, isLoading: false }),
        (error: unknown) => {
          if (!isWanted) return;
          setLoaded((before) => ({ ...before, error: messageOf(error), isLoading: false }));
          timer = setTimeout(begin, retryMs);
        },
      );
    let timer = setTimeout(begin, settleMs);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, inputs);
  return loaded;
}
