/**
 * The live run as the page knows it: its history, loaded when the connection is made and after each loss, and what the
 * messages add to it. Messages that come while the history is on its way wait for it; when too many do, it is loaded
 * again. Listeners hear of changes a few times a second at most, however fast steps are.
 */
import { messageOf } from '@unet-fleet/law';
import type { ControlAction, History, ServerMessage, Status } from '../../../src/protocol.ts';
import type { Api } from './api.ts';
import { withCheckpoint, withEvaluated, withUpdate } from './history.ts';
import type { Reply, Socket, SocketEvents } from './socket.ts';

export interface FeedState {
  connection: 'connecting' | 'open' | 'lost';
  /** How often there was one: what was asked for in vain during a loss is asked for again. */
  numConnections: number;
  canControl: boolean;
  status: Status | null;
  history: History | null;
  /** Why the history could not be loaded; null while all is well. */
  error: string | null;
}

export interface RunFeed {
  state(): FeedState;
  /** Returns what ends it. */
  subscribe(listener: () => void): () => void;
  send(action: ControlAction): Promise<Reply>;
  close(): void;
}

const maxPending = 500;
const notifyMs = 100;
const retryMs = 2_000;

/** `open` connects, and again after each loss. */
export function createRunFeed(api: Pick<Api, 'json'>, open: (events: SocketEvents) => Socket): RunFeed {
  let state: FeedState = {
    connection: 'connecting',
    numConnections: 0,
    canControl: false,
    status: null,
    history: null,
    error: null,
  };
  const listeners = new Set<() => void>();
  let notifyTimer: ReturnType<typeof setTimeout> | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  /** null: the history is there, messages are applied as they come. */
  let pending: ServerMessage[] | null = [];
  let runName = '';
  /** Of the load that counts: one of before a reconnect is not used. */
  let numLoads = 0;

  const change = (changes: Partial<FeedState>) => {
    state = { ...state, ...changes };
    notifyTimer ??= setTimeout(() => {
      notifyTimer = undefined;
      for (const listener of listeners) listener();
    }, notifyMs);
  };
  const load = async () => {
    const load = ++numLoads;
    clearTimeout(retryTimer);
    pending = [];
    try {
      const history = await api.json<History>(`runs/${encodeURIComponent(runName)}/history`);
      if (load !== numLoads) return;
      const waiting = pending;
      if (waiting.length > maxPending) {
        void reload();
        return;
      }
      pending = null;
      change({ history: waiting.reduce(applied, history), error: null });
    } catch (error) {
      if (load !== numLoads) return;
      change({ error: messageOf(error) });
      retryTimer = setTimeout(reload, retryMs);
    }
  };
  const reload = () => load();
  const onMessage = (message: ServerMessage) => {
    switch (message.type) {
      case 'hello':
        runName = message.runName;
        change({
          connection: 'open',
          numConnections: state.numConnections + 1,
          canControl: message.canControl,
        });
        void load();
        return;
      case 'behind':
        void load();
        return;
      case 'status':
        change({ status: message.status });
        return;
      default:
        if (pending !== null) {
          if (pending.length <= maxPending) pending.push(message);
        } else if (state.history !== null) {
          change({ history: applied(state.history, message) });
          // Its mark in the curves needs more than the event tells, and it is rare.
          if (
            message.type === 'update' &&
            message.events.some(({ type }) => type === 'learning-rate-changed')
          )
            void load();
        }
    }
  };
  const socket = open({
    onMessage,
    onLost: () => {
      numLoads++;
      clearTimeout(retryTimer);
      change({ connection: 'lost' });
    },
  });
  return {
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    send: (action) => socket.send(action),
    close: () => {
      numLoads++;
      clearTimeout(retryTimer);
      clearTimeout(notifyTimer);
      listeners.clear();
      socket.close();
    },
  };
}

function applied(history: History, message: ServerMessage): History {
  if (message.type === 'update') return withUpdate(history, message);
  if (message.type === 'followed') return { ...history, followed: message.ids };
  if (message.type === 'evaluated') return withEvaluated(history, message.step);
  if (message.type === 'checkpoint') return withCheckpoint(history, message);
  return history;
}
