/** A small client of the Kubernetes API: what kubectl does with objects, over HTTPS with a token. */

import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';

/** An object as the API server gives it. Its shape is the API's business. */
// biome-ignore lint/suspicious/noExplicitAny: the schemas are the API server's, which checks what is sent
export type Json = any;

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: Json;
  [field: string]: Json;
}

export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

export interface Access {
  url: string;
  ca: string;
  token: string;
}

const manager = 'unet-fleet-test';

/** Fields that say which object it is. */
type Reference = Pick<KubeObject, 'apiVersion' | 'kind'> & { metadata: { name: string; namespace?: string } };

export class Client {
  /** What the API server remarked about what it took, such as a pod template that Pod Security would not let in. */
  readonly warnings: string[] = [];
  readonly #access: Access;
  readonly #agent: Agent;
  /** Names in paths, by group and version, then kind. */
  readonly #resources = new Map<string, Promise<Map<string, { name: string; namespaced: boolean }>>>();

  constructor(access: Access) {
    this.#access = access;
    this.#agent = new Agent({ keepAlive: true, ca: access.ca });
  }

  /** Answer of the API server as text; what is not well is an ApiError with its words. */
  async text(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<string> {
    const response = await this.#send(method, path, body, contentType);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    if (response.statusCode! < 300) return text;
    throw new ApiError(response.statusCode!, messageOf(text));
  }

  async json(method: string, path: string, body?: unknown, contentType?: string): Promise<Json> {
    return JSON.parse(await this.text(method, path, body, contentType));
  }

  /** Server-side apply: creates the object or changes what is ours of it. */
  async apply(object: KubeObject): Promise<Json> {
    const path = await this.pathOf(object);
    const query = `fieldManager=${manager}&force=true&fieldValidation=Strict`;
    return await this.json('PATCH', `${path}?${query}`, object, 'application/apply-patch+yaml');
  }

  /** Null if it is not there. */
  async get(reference: Reference): Promise<Json | null> {
    try {
      return await this.json('GET', await this.pathOf(reference));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  async patch(reference: Reference, change: unknown, subresource = ''): Promise<Json> {
    const path = `${await this.pathOf(reference)}${subresource}`;
    return await this.json('PATCH', path, change, 'application/merge-patch+json');
  }

  async delete(reference: Reference, options: Json = {}): Promise<Json> {
    return await this.json('DELETE', await this.pathOf(reference), options);
  }

  /** As a drain of its node does it; refused with status 429 where a disruption budget forbids it. */
  async evict({ metadata: { name, namespace } }: Pick<Reference, 'metadata'>): Promise<void> {
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
    await this.json('POST', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, body);
  }

  /** Changes of a list from a version on, as the API server tells them; ends when it closes the stream. */
  async *watch(
    path: string,
    query: string,
    signal: AbortSignal,
  ): AsyncGenerator<{ type: string; object: Json }> {
    const response = await this.#send('GET', `${path}?watch=1&${query}`, undefined, '', signal);
    if (response.statusCode !== 200) {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      throw new ApiError(response.statusCode!, messageOf(text));
    }
    for await (const line of createInterface({ input: response })) yield JSON.parse(line);
  }

  /** Path of one object. */
  async pathOf({ apiVersion, kind, metadata: { name, namespace } }: Reference): Promise<string> {
    const resource = (await this.#resourcesOf(apiVersion)).get(kind);
    if (!resource) throw new Error(`the API server knows no ${kind} in ${apiVersion}`);
    const folder = resource.namespaced ? `/namespaces/${namespace}` : '';
    return `${rootOf(apiVersion)}${folder}/${resource.name}/${name}`;
  }

  #resourcesOf(apiVersion: string) {
    const known = this.#resources.get(apiVersion);
    if (known) return known;
    const found = this.json('GET', rootOf(apiVersion)).then(
      ({ resources }) =>
        new Map<string, { name: string; namespaced: boolean }>(
          resources
            .filter(({ name }: Json) => !name.includes('/'))
            .map(({ kind, name, namespaced }: Json) => [kind, { name, namespaced }]),
        ),
    );
    this.#resources.set(apiVersion, found);
    // What is not served yet may be a moment later, such as a type that was just added.
    found.catch(() => this.#resources.delete(apiVersion));
    return found;
  }

  #send(
    method: string,
    path: string,
    body: unknown,
    contentType: string,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const { url, token } = this.#access;
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        new URL(path, url),
        {
          method,
          agent: this.#agent,
          signal,
          headers: {
            authorization: `Bearer ${token}`,
            ...(payload !== undefined && {
              'content-type': contentType,
              'content-length': Buffer.byteLength(payload),
            }),
          },
        },
        (response) => {
          const { warning } = response.headers;
          if (warning !== undefined) this.warnings.push(String(warning));
          resolve(response);
        },
      );
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }
}

const rootOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;

function messageOf(text: string): string {
  try {
    return JSON.parse(text).message ?? text;
  } catch {
    return text;
  }
}
