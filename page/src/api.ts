// vidctl's API. Every error has words for people: the API's own (RFC 9457), or what is wrong with the connection.

import { signedIn, signOut, token } from "./session.ts";

interface Problem {
  detail?: string;
  fix?: string;
  code?: string;
}

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    words: string,
  ) {
    super(words);
  }
}

export class Unreachable extends Error {}

/** Call the API as the signed-in user. A token that is not accepted signs out, and the call waits for the next one. */
export async function call(path: string, options: RequestInit = {}): Promise<Response> {
  for (;;) {
    const bearer = await signedIn();
    const headers = { ...(options.headers as Record<string, string>), Authorization: `Bearer ${bearer}` };
    const response = await reach(path, { cache: "no-store", ...options, headers });
    if (response.ok) return response;
    const refused = await understand(response);
    if (response.status !== 401) throw refused;
    if (bearer === token.value) signOut(refused.message);
  }
}

export async function read<Answer>(path: string, options?: RequestInit): Promise<Answer> {
  return (await call(path, options)).json();
}

export function send<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = { "Content-Type": "application/json" };
  return read(path, { method, headers, body: JSON.stringify(body ?? {}) });
}

async function reach(path: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreachable("The server cannot be reached. Is this device online?");
  }
}

async function understand(response: Response): Promise<Refused> {
  const problem: Problem = await response.json().catch(() => ({}));
  const words = problem.detail ?? `The server answered ${response.status}.`;
  return new Refused(response.status, problem.code ?? "", problem.fix ? `${words} Use ${problem.fix}.` : words);
}
