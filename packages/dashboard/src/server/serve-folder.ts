/** The runs of a folder on a page, in this thread: there is no training beside it that could be held up. */
import { linksOf } from './links.ts';
import { newTokens } from './secrets.ts';
import { type Dashboard, portsFrom, serveDashboard } from './serve.ts';

export interface FolderOptions {
  folder: string;
  host: string;
  port: number;
  version: string;
}

/** Throws a UserError if the address can't be listened on, or the page was not built. */
export async function serveFolder({
  folder,
  host,
  port,
  version,
}: FolderOptions): Promise<Dashboard & { link: string }> {
  const tokens = newTokens();
  const dashboard = await serveDashboard({
    host,
    ports: portsFrom(port),
    tokens,
    version,
    shown: { folder },
  });
  return { ...dashboard, link: linksOf(host, dashboard.port, tokens).view };
}
