/** The page's way to its server over HTTP: relative addresses, the token with each request, errors as sentences. */

export interface Api {
  /** `path` below api/. Throws an Error with a sentence for what went wrong. */
  get(path: string): Promise<Response>;
  json<Value>(path: string): Promise<Value>;
  post(path: string, body: Blob): Promise<Response>;
}

export function createApi(token: string): Api {
  const headers: HeadersInit = token === '' ? {} : { authorization: `Bearer ${token}` };
  const request = async (path: string, init: RequestInit): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(`api/${path}`, { ...init, headers });
    } catch {
      throw new Error('The server can not be reached.');
    }
    if (!response.ok) throw new Error(await errorOf(response));
    return response;
  };
  const get = (path: string) => request(path, {});
  return {
    get,
    json: async (path) => (await get(path)).json(),
    post: (path, body) => request(path, { method: 'POST', body }),
  };
}

async function errorOf(response: Response): Promise<string> {
  try {
    const { error } = (await response.json()) as { error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // No JSON: a proxy's page, or nothing at all.
  }
  return `The server answered ${response.status}.`;
}
