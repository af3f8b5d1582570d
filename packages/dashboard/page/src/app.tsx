/** The page: which run, which view, and what stands around it. The address says both, so that it can be kept and sent. */
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Session } from '../../src/protocol.ts';
import { LiveHead, RecordedHead } from './head/head.tsx';
import { type Api, createApi } from './live/api.ts';
import { useFeed, useHistory, usePlace, useRuns, useSession } from './live/hooks.ts';
import { hashOf, type Place, type View, views } from './live/place.ts';
import { useSpeech } from './live/speech.tsx';
import { RunPanel } from './run-panel.tsx';
import { ControlBar } from './views/controls/control-bar.tsx';
import { RunsView } from './views/runs/runs-view.tsx';

const runsEveryMs = 15_000;
const recordedEveryMs = 10_000;

const titles: Record<View, string> = {
  curves: 'Curves',
  masks: 'Masks',
  classes: 'Classes',
  workers: 'Workers',
  events: 'Events',
  runs: 'Runs',
};

export function App() {
  const place = usePlace();
  const api = useMemo(() => createApi(place.token), [place.token]);
  const session = useSession(api);
  if (session.value === null) {
    return (
      <main class="alone">
        <h1>unet-fleet</h1>
        <p role={session.error === null ? 'status' : 'alert'}>{session.error ?? 'Connecting…'}</p>
      </main>
    );
  }
  return <Frame api={api} place={place} session={session.value} />;
}

interface FrameProps {
  api: Api;
  place: Place;
  session: Session;
}

function Frame({ api, place, session }: FrameProps) {
  const { toast } = useSpeech();
  const isLive = session.liveRun !== null && (place.run === '' || place.run === session.liveRun);
  // Kept while another run is looked at: coming back is at once.
  const feed = useFeed(api, place.token, session.liveRun !== null);
  const named = isLive || place.run === '' ? null : place.run;
  const view: View = isLive || named !== null ? place.view : 'runs';
  const runs = useRuns(api, view === 'runs' || named !== null ? runsEveryMs : null);
  const summary = runs.value?.find(({ name }) => name === named) ?? null;
  // A run that has ended does not grow.
  const recorded = useHistory(api, named, summary?.state === 'running' ? recordedEveryMs : null);
  const history = isLive ? (feed?.history ?? null) : recorded.value;
  const error = isLive ? (feed?.error ?? null) : recorded.error;

  const run = isLive ? session.liveRun : named;
  const name = run ?? 'unet-fleet';
  useEffect(() => {
    document.title = [run, titles[view], 'unet-fleet'].filter((part) => part !== null).join(' · ');
  }, [run, view]);

  const send = async (action: Parameters<NonNullable<typeof feed>['send']>[0]) => {
    const reply = await feed!.send(action);
    toast(reply.message, reply.ok);
  };
  const hrefOf = (to: Partial<Place>) => hashOf({ ...place, view, ...to });
  const links = useTopOf(view, name);
  const isLost = feed?.connection === 'lost' && feed.status?.state !== 'over';
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <header>
        {isLive ? (
          <LiveHead name={name} status={feed?.status ?? null} isLost={isLost} />
        ) : (
          <RecordedHead name={name} summary={summary} />
        )}
        {isLive && <Connection isLost={isLost} isGone={feed?.connection === 'lost' && !isLost} />}
        {isLive && feed !== null && (
          <ControlBar canControl={feed.canControl} status={feed.status} send={send} />
        )}
        {!isLive && session.liveRun !== null && (
          <p>
            <a href={hrefOf({ run: '', view: 'curves' })}>Back to the run that is live</a>
          </p>
        )}
      </header>
      <nav ref={links} aria-label="Views">
        <ul>
          {views
            .filter((one) => one === 'runs' || isLive || named !== null)
            .map((one) => (
              <li key={one}>
                <a href={hrefOf({ view: one })} aria-current={one === view ? 'page' : undefined}>
                  {titles[one]}
                </a>
              </li>
            ))}
        </ul>
      </nav>
      <main id="main" tabIndex={-1}>
        {view === 'runs' ? (
          <RunsView
            runs={runs.value}
            error={runs.error}
            liveRun={session.liveRun}
            load={(run) => api.json(`runs/${encodeURIComponent(run)}/history`)}
            hrefOf={(run) => hrefOf({ run: run === session.liveRun ? '' : run, view: 'curves' })}
          />
        ) : (
          <RunPanel
            key={name}
            api={api}
            view={view}
            history={history}
            error={error}
            feed={isLive ? feed : null}
          />
        )}
      </main>
      <footer class="quiet">unet-fleet {session.version}</footer>
    </>
  );
}

/** Where the links to the views are: another view begins below them, however far down one was in the view before. */
function useTopOf(view: View, name: string) {
  const links = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    const header = links.current!.previousElementSibling!;
    const top = header.getBoundingClientRect().bottom + window.scrollY;
    if (!isFirst.current && window.scrollY > top) window.scrollTo({ top, behavior: 'instant' });
    isFirst.current = false;
  }, [view, name]);
  return links;
}

/** `isGone`: the run is over, and its server with it. */
function Connection({ isLost, isGone }: { isLost: boolean; isGone: boolean }) {
  return (
    <p role="status" class="connection">
      {isLost &&
        'Connection lost: what is shown is from before. It comes back by itself when the coordinator does.'}
      {isGone &&
        'The run is over, and this server with it: what was not loaded before is shown by unet-fleet dashboard.'}
    </p>
  );
}
