/**
 * Whether a connection is up, told at each change. The client reconnects by itself for ever and throws away at each
 * attempt what was published meanwhile; whoever publishes asks here first, so that what is lost is known to be lost.
 */
import type { NatsConnection } from '@nats-io/transport-node';

export interface LinkEvents {
  onLost?(reason: string): void;
  onBack?(): void;
  /** The broker refused something: a subject that the credentials do not allow, for instance. Told once each. */
  onRefused?(error: Error): void;
}

export interface Link {
  readonly isUp: boolean;
}

/** Different refusals that are told: what is refused may be said again and again. */
const maxRefusals = 100;

/** Watches a connection that is up, until it is closed. */
export function watchLink(connection: NatsConnection, events: LinkEvents = {}): Link {
  const link = { isUp: !connection.isClosed() };
  const lost = (reason: string) => {
    if (!link.isUp) return;
    link.isUp = false;
    events.onLost?.(reason);
  };
  const refused = new Set<string>();
  const watch = async () => {
    let isSilent = false;
    for await (const status of connection.status()) {
      switch (status.type) {
        case 'staleConnection':
          isSilent = true;
          break;
        case 'disconnect':
          lost(isSilent ? 'the broker has stopped answering' : 'the connection to the broker has broken');
          isSilent = false;
          break;
        case 'reconnect':
          if (link.isUp) break;
          link.isUp = true;
          events.onBack?.();
          break;
        case 'error':
          if (refused.has(status.error.message) || refused.size === maxRefusals) break;
          refused.add(status.error.message);
          events.onRefused?.(status.error);
          break;
      }
    }
    const error = await connection.closed();
    // Closed by this process itself, it is no loss.
    if (error) lost(`the connection to the broker was closed: ${error.message}`);
    link.isUp = false;
  };
  void watch();
  return link;
}
