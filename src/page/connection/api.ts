import type { Token } from './token.ts';

/** The door's JSON API, asked with the token where there is one. */
export interface Api {
  hasRights(): boolean;
  /** @throws Refused */
  open(path: string, accept: string, signal?: AbortSignal): Promise<Response>;
  /** @throws Refused */
  get(path: string): Promise<unknown>;
  /** @throws Refused */
  change(method: 'POST' | 'DELETE', path: string, body?: object): Promise<unknown>;
}

/** The door answered, and said no. */
export class Refused extends Error {
  readonly status: number;
  /** The change that had begun, and failed before it did anything; null where there is none. */
  readonly change: string | null;

  constructor({ status, headers }: Response, text: string) {
    super(text);
    this.status = status;
    this.change = headers.get('Location')?.replace('/changes/', '') ?? null;
  }
}

const JSON_TYPE = 'application/json';

/** @param onTokenRefused is called once a token turns out to be none */
export function createApi(token: Token, onTokenRefused: () => void): Api {
  async function ask(path: string, options: RequestInit, type: string): Promise<Response> {
    const value = token.value();
    const response = await fetch(path, {
      ...options,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      headers: {
        Accept: type,
        ...(value === null ? {} : { Authorization: `Bearer ${value}` }),
        ...(options.body ? { 'Content-Type': JSON_TYPE } : {}),
      },
    });
    if (response.ok) return response;
    if (response.status === 401 && value !== null) {
      token.forget();
      onTokenRefused();
    }
    throw new Refused(response, await whyNot(response));
  }

  return {
    hasRights: () => token.value() !== null,
    open: (path, accept, signal) => ask(path, signal ? { signal } : {}, accept),
    get: async (path) => (await ask(path, {}, JSON_TYPE)).json(),
    async change(method, path, body) {
      const options = body ? { method, body: JSON.stringify(body) } : { method };
      return (await ask(path, options, JSON_TYPE)).json();
    },
  };
}

async function whyNot(response: Response): Promise<string> {
  const text = await response.text().catch(() => '');
  try {
    const { error, remedy } = JSON.parse(text) as { error?: unknown; remedy?: unknown };
    if (typeof error === 'string')
      return typeof remedy === 'string' ? `${error}. ${remedy}` : error;
  } catch {
    // It is not ours: something between the page and the door has answered.
  }
  return `the door answered ${response.status}`;
}
