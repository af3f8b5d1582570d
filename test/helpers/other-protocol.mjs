/**
 * Loaded with `node --import`, it makes a process of this build speak the next version of the protocol, as one of a
 * newer release would: the only way to have two versions in one test.
 */
import { register } from 'node:module';

const hooks = `
export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (!url.endsWith('/wire/dist/protocol/messages.js')) return loaded;
  const source = String(loaded.source);
  const changed = source.replace(/protocolVersion = (\\d+)/, (_, version) => 'protocolVersion = ' + (Number(version) + 1));
  if (changed === source) throw new Error('messages.js says no protocol version');
  return { ...loaded, source: changed };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
