// Who is signed in. The token stays in this tab's session storage; it arrives typed, or in the fragment (/#token=…),
// which no server sees and which leaves the address bar at once.

import { signal } from "@preact/signals";

const STORED = "vidctl.token";

export const token = signal<string | null>(null);
/** Why the user has to sign in again, in words; empty at first. */
export const refusal = signal("");

let waiting: ((token: string) => void)[] = [];

export function begin(): void {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get("token");
  if (given) {
    fragment.delete("token");
    history.replaceState(null, "", `${location.pathname}${fragment.size ? `#${fragment}` : ""}`);
  }
  const known = given ?? sessionStorage.getItem(STORED);
  if (known) signIn(known);
}

export function signIn(given: string): void {
  sessionStorage.setItem(STORED, given);
  refusal.value = "";
  token.value = given;
  for (const resume of waiting) resume(given);
  waiting = [];
}

export function signOut(why = ""): void {
  sessionStorage.removeItem(STORED);
  refusal.value = why;
  token.value = null;
}

/** Wait until somebody is signed in: an upload whose token expires goes on with the next one. */
export function signedIn(): Promise<string> {
  if (token.value) return Promise.resolve(token.value);
  return new Promise((resolve) => waiting.push(resolve));
}
