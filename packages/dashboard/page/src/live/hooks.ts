/** What components need of the live run and of the address, as hooks. */
import { messageOf } from '@unet-fleet/law';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { History, RunSummary, Session } from '../../../src/protocol.ts';
import type { Api } from './api.ts';
import { type Place, placeOf } from './place.ts';
import { createRunFeed, type FeedState, type RunFeed } from './run-feed.ts';
import { openSocket } from './socket.ts';

export function usePlace(): Place {
  const read = () => placeOf(window.location.hash, window.location.search);
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const onChange = () => setPlace(read());
    window.addEventListener('hashchange', onChange);
    return () => window.removeEventListener('hashchange', onChange);
  }, []);
  return place;
}

export interface Asked<Value> {
  value: Value | null;
  error: string | null;
  reload: () => void;
}

/** Asks until there is an answer, and again each `everyMs` if that is given; `path` null asks nothing. */
function useAsked<Value>(api: Api, path: string | null, everyMs: number | null): Asked<Value> {
  const [value, setValue] = useState<{ path: string; value: Value } | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [count, setCount] = useState(0);
  useEffect(() => {
    if (path === null) return;
    let isWanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      let nextMs = everyMs;
      try {
        const answer = await api.json<Value>(path);
        if (!isWanted) return;
        setValue({ path, value: answer });
        setError(null);
      } catch (failure) {
        if (!isWanted) return;
        setError(messageOf(failure));
        nextMs ??= 3_000;
      }
      if (nextMs !== null) timer = setTimeout(ask, nextMs);
    };
    void ask();
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [api, path, everyMs, count]);
  const reload = useCallback(() => setCount((before) => before + 1), []);
  return { value: value?.path === path ? value.value : null, error, reload };
}

export const useSession = (api: Api): Asked<Session> => useAsked(api, 'session', null);

export const useRuns = (api: Api, everyMs: number | null): Asked<RunSummary[]> =>
  useAsked(api, 'runs', everyMs);

/** Of a run that is looked at without its coordinator. */
export const useHistory = (api: Api, run: string | null, everyMs: number | null): Asked<History> =>
  useAsked(api, run === null ? null : `runs/${encodeURIComponent(run)}/history`, everyMs);

/** null where no run is live. */
export function useFeed(
  api: Api,
  token: string,
  isLive: boolean,
): (FeedState & Pick<RunFeed, 'send'>) | null {
  const feed = useMemo(
    () => (isLive ? createRunFeed(api, (events) => openSocket(token, events)) : null),
    [api, token, isLive],
  );
  const [, redraw] = useState(0);
  useEffect(() => {
    if (feed === null) return;
    const end = feed.subscribe(() => redraw((count) => count + 1));
    // What came between its making and now.
    redraw((count) => count + 1);
    return () => {
      end();
      feed.close();
    };
  }, [feed]);
  return feed === null ? null : { ...feed.state(), send: feed.send };
}
