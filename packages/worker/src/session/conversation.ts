/**
 * The numbers of a worker's conversation with its coordinator: each message that it says has the next one, and of what
 * it is told it takes rising ones alone. What is late, doubled or overtaken counts as lost, and so does whatever an
 * older start of the coordinator says once a newer one has spoken.
 */
import type { SessionState } from './types.ts';

/** Whether a message of a coordinator counts. To be asked once of each, before anything else looks at it. */
export function hears(state: SessionState, { term, sequence }: { term: number; sequence: number }): boolean {
  const { heard } = state;
  if (term < heard.term || (term === heard.term && sequence <= heard.sequence)) return false;
  state.heard = { term, sequence };
  return true;
}

/** The number of the next message. */
export const nextSequence = (state: SessionState): number => ++state.numSaid;
