/**
 * A passing connection with the coordinator's credentials, before the run begins: what the broker does about it shows
 * what would otherwise stop a run without a word.
 */
import { UserError } from '@unet-fleet/law';
import { type BrokerAddress, inboxOf } from '@unet-fleet/wire';
import { connectBroker } from '@unet-fleet/wire/transport/connect';

/** Of one connection at most: a worker's for bulk, with one for each bucket of weights that it awaits, and some to spare. */
export const mostSubscriptions = 24;

/**
 * Opens and closes a connection, so that a broker which tells of such things does so before it matters; meanwhile it
 * subscribes to as much as a run does.
 * @throws UserError if the broker lets a connection have fewer subscriptions than that
 */
export async function probeBroker(address: BrokerAddress, peer: string): Promise<void> {
  const connection = await connectBroker({ ...address, name: 'unet-fleet probe', peer });
  try {
    let isRefused = false;
    const watch = async () => {
      for await (const status of connection.status()) {
        isRefused ||= status.type === 'error' && /maximum subscriptions exceeded/i.test(status.error.message);
      }
    };
    void watch();
    for (let i = 0; i < mostSubscriptions; i++) {
      connection.subscribe(`${inboxOf(peer)}.probe.${i}`, { callback: () => {} });
    }
    // The server answers in the order in which it was asked.
    await connection.flush();
    // The client hands its statuses on a turn later.
    await new Promise(setImmediate);
    if (isRefused) {
      throw new UserError(
        `the broker lets a connection have fewer than ${mostSubscriptions} subscriptions, which a run needs: raise max_subscriptions there, or leave it out`,
      );
    }
  } finally {
    await connection.close();
  }
}
