/**
 * The WebSocket to the server, for as long as the page is open: it comes back by itself after a loss, later each time up
 * to a few seconds, and each command is answered or fails. The token goes along as a subprotocol, the only header that a
 * page can choose.
 */
import type { ClientMessage, ControlAction, ServerMessage } from '../../../src/protocol.ts';

export type Reply = { ok: boolean; message: string };

export interface Socket {
  send(action: ControlAction): Promise<Reply>;
  close(): void;
}

export interface SocketEvents {
  onMessage: (message: ServerMessage) => void;
  /** Also called for a first connection that fails. */
  onLost: () => void;
}

const firstRetryMs = 500;
const longestRetryMs = 5_000;
const replyMs = 15_000;
const lostReply: Reply = {
  ok: false,
  message: 'The connection was lost: nobody knows whether the command arrived.',
};

export function openSocket(token: string, { onMessage, onLost }: SocketEvents): Socket {
  let socket: WebSocket | null = null;
  let retryMs = firstRetryMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let nextId = 1;
  const waiting = new Map<number, (reply: Reply) => void>();

  const connect = () => {
    const url = new URL('live', document.baseURI);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    url.search = '';
    socket = new WebSocket(url, ['unet-fleet.1', ...(token === '' ? [] : [`token.${token}`])]);
    socket.onmessage = ({ data }) => {
      retryMs = firstRetryMs;
      const message = JSON.parse(String(data)) as ServerMessage;
      if (message.type !== 'reply') onMessage(message);
      else {
        waiting.get(message.id)?.(message);
        waiting.delete(message.id);
      }
    };
    socket.onclose = () => {
      for (const answer of waiting.values()) answer(lostReply);
      waiting.clear();
      onLost();
      timer = setTimeout(connect, retryMs);
      retryMs = Math.min(longestRetryMs, retryMs * 1.6);
    };
  };
  // A phone that wakes up, or a network that is back: at once, not after the pause.
  const hurry = () => {
    if (socket?.readyState !== WebSocket.CLOSED) return;
    clearTimeout(timer);
    connect();
  };
  window.addEventListener('online', hurry);
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && hurry());
  connect();

  return {
    send: (action) =>
      new Promise((resolve) => {
        if (socket?.readyState !== WebSocket.OPEN) {
          resolve({ ok: false, message: 'There is no connection to the run: try again when it is back.' });
          return;
        }
        const id = nextId++;
        waiting.set(id, resolve);
        socket.send(JSON.stringify({ type: 'control', id, ...action } satisfies ClientMessage));
        setTimeout(() => {
          if (waiting.delete(id)) resolve({ ok: false, message: 'The run did not answer in time.' });
        }, replyMs);
      }),
    close: () => {
      clearTimeout(timer);
      window.removeEventListener('online', hurry);
      if (socket !== null) {
        socket.onclose = null;
        socket.close();
      }
    },
  };
}
