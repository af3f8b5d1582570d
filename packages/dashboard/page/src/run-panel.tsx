/** One view of one run, live or from its folder. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ControlAction, History, LogLine, Status } from '../../src/protocol.ts';
import type { Api } from './live/api.ts';
import type { View } from './live/place.ts';
import { useSpeech } from './live/speech.tsx';
import { ClassesView } from './views/classes/classes-view.tsx';
import { createPictureSource } from './views/common/picture-source.ts';
import { CurvesView } from './views/curves/curves-view.tsx';
import { EventsView } from './views/events/events-view.tsx';
import { MasksView } from './views/masks/masks-view.tsx';
import { WorkersView } from './views/workers/workers-view.tsx';

export interface RunPanelProps {
  api: Api;
  view: Exclude<View, 'runs'>;
  history: History | null;
  /** Why there is no history, or none that is new. */
  error: string | null;
  /** null for a run that is looked at without its coordinator. */
  feed: {
    canControl: boolean;
    numConnections: number;
    status: Status | null;
    send(action: ControlAction): Promise<{ ok: boolean; message: string }>;
  } | null;
}

export function RunPanel({ api, view, history, error, feed }: RunPanelProps) {
  const { announce, toast } = useSpeech();
  const name = history?.name ?? '';
  const source = useMemo(() => createPictureSource(api.get, name), [api, name, feed?.numConnections]);
  const [draining, setDraining] = useState<string | null>(null);
  const workers = feed?.status?.workers ?? [];
  useEffect(() => {
    if (draining !== null && !workers.some((worker) => worker.name === draining)) setDraining(null);
  }, [workers, draining]);

  if (history === null) {
    return <p role={error === null ? 'status' : 'alert'}>{error ?? 'Loading…'}</p>;
  }
  const tell = async (action: ControlAction): Promise<string> => {
    const { ok, message } = await feed!.send(action);
    if (!ok) throw new Error(message);
    return message;
  };
  const follow = (ids: readonly string[]) => tell({ action: 'follow', ids: [...ids] });
  const drain = async (worker: string) => {
    setDraining(worker);
    const reply = await feed!.send({ action: 'drain', worker });
    toast(reply.message, reply.ok);
    if (!reply.ok) setDraining(null);
  };
  const canFollow = feed?.canControl === true;
  const { evaluatedSteps, followed } = history;
  const shown = { history, evaluatedSteps, followed, source };
  return (
    <>
      {error !== null && <p role="alert">{error}</p>}
      {view === 'curves' && <CurvesView history={history} />}
      {view === 'masks' && (
        <MasksView
          {...shown}
          announce={announce}
          live={feed && { follow: canFollow ? follow : null, segment: (photo) => segmented(api, photo) }}
        />
      )}
      {view === 'classes' && (
        <ClassesView
          {...shown}
          onFollow={
            canFollow
              ? (ids) =>
                  void follow(ids).then(
                    (message) => toast(message, true),
                    (refusal: Error) => toast(refusal.message, false),
                  )
              : null
          }
        />
      )}
      {view === 'workers' && (
        <WorkersView
          workers={workers}
          lanes={history.lanes}
          at={feed?.status?.at ?? null}
          onDrain={feed?.canControl ? (worker) => void drain(worker) : null}
          draining={draining}
        />
      )}
      {view === 'events' && (
        <EventsView
          events={history.events}
          loadLog={() => api.json<LogLine[]>(`runs/${encodeURIComponent(name)}/log`)}
          announce={announce}
        />
      )}
    </>
  );
}

const segmented = async (api: Api, photo: Blob): Promise<Uint8Array> =>
  new Uint8Array(await (await api.post('segment', photo)).arrayBuffer());
