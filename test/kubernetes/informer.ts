/** A list of the API server kept up to date, as controllers and kubelets do it: listed once, then watched. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Json } from './client.ts';

export interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: Json;
}

const retryMs = 200;

export class Informer {
  /** By uid. */
  readonly objects = new Map<string, Json>();
  readonly #client: Client;
  readonly #path: string;
  readonly #selector: string;
  readonly #onChange: (change: Change) => void;
  readonly #abort = new AbortController();
  readonly #waiting = new Set<() => void>();

  /** @param selector such as `fieldSelector=spec.nodeName=one` */
  constructor(client: Client, path: string, selector = '', onChange: (change: Change) => void = () => {}) {
    this.#client = client;
    this.#path = path;
    this.#selector = selector;
    this.#onChange = onChange;
  }

  start(): this {
    void this.#follow();
    return this;
  }

  stop(): void {
    this.#abort.abort();
  }

  get all(): Json[] {
    return [...this.objects.values()];
  }

  /**
   * Waits until `isTrue` of the objects, which it looks at after each change.
   * @returns false if the time ran out
   */
  async until(isTrue: (objects: Json[]) => boolean, limitMs: number): Promise<boolean> {
    const endMs = performance.now() + limitMs;
    while (!isTrue(this.all)) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, leftMs);
        this.#waiting.add(wake);
      });
    }
    return true;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        let version = await this.#list();
        for await (const { type, object } of this.#client.watch(
          this.#path,
          `${this.#selector}&resourceVersion=${version}`,
          signal,
        )) {
          if (type === 'ERROR') break;
          version = object.metadata.resourceVersion;
          this.#take({ type: type as Change['type'], object });
        }
      } catch {
        // The API server starts, or goes: listed again.
        if (!signal.aborted) await sleep(retryMs);
      }
    }
  }

  async #list(): Promise<string> {
    const { items, metadata, kind, apiVersion } = await this.#client.json(
      'GET',
      `${this.#path}?${this.#selector}`,
    );
    const listed = new Set<string>();
    for (const item of items) {
      listed.add(item.metadata.uid);
      const object = { apiVersion, kind: kind.replace(/List$/, ''), ...item };
      const known = this.objects.get(item.metadata.uid);
      if (known?.metadata.resourceVersion === item.metadata.resourceVersion) continue;
      this.#take({ type: known ? 'MODIFIED' : 'ADDED', object });
    }
    for (const [uid, object] of [...this.objects]) {
      if (!listed.has(uid)) this.#take({ type: 'DELETED', object });
    }
    return metadata.resourceVersion;
  }

  #take(change: Change): void {
    const { type, object } = change;
    if (type === 'DELETED') this.objects.delete(object.metadata.uid);
    else this.objects.set(object.metadata.uid, object);
    this.#onChange(change);
    for (const wake of [...this.#waiting]) wake();
  }
}
