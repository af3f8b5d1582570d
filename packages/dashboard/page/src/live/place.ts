/**
 * Where on the page one is: view, run and token, kept behind the # of the address. What stands there is not sent with
 * requests, so the token is in no server's log; and a bookmark, a reload and a new tab still have it. Pure.
 */

export const views = ['curves', 'masks', 'classes', 'workers', 'events', 'runs'] as const;
export type View = (typeof views)[number];

export interface Place {
  view: View;
  /** '' stands for the live one. */
  run: string;
  token: string;
}

/** What `hash` and `search` of an address say; anything unknown is left out. */
export function placeOf(hash: string, search = ''): Place {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  const view = views.find((known) => known === params.get('view')) ?? 'curves';
  const token = params.get('token') ?? new URLSearchParams(search).get('token') ?? '';
  return { view, run: params.get('run') ?? '', token };
}

/** The part of an address from # on. */
export function hashOf({ view, run, token }: Place): string {
  const params = new URLSearchParams({ view });
  if (run !== '') params.set('run', run);
  if (token !== '') params.set('token', token);
  return `#${params}`;
}
