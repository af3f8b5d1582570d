/** What a page may ask for over its WebSocket. Pure: what is no such message is null, and nothing else is looked at. */
import { maxFollowed } from '@unet-fleet/wire/protocol/messages';
import { z } from 'zod';
import type { ClientMessage } from '../protocol.ts';

const action = <Name extends string, Shape extends z.core.$ZodLooseShape>(name: Name, shape: Shape) =>
  z.strictObject({
    type: z.literal('control'),
    id: z.number().int().nonnegative(),
    action: z.literal(name),
    ...shape,
  });

const schema = z.discriminatedUnion('action', [
  action('pause', {}),
  action('resume', {}),
  action('checkpoint', {}),
  action('drain', { worker: z.string().min(1).max(256) }),
  action('stop-after-epoch', { isWanted: z.boolean() }),
  action('learning-rate', { rate: z.number() }),
  action('follow', { ids: z.array(z.string().max(4_096)).max(maxFollowed) }),
]);

export function clientMessageOf(text: string): ClientMessage | null {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
