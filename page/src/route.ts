// What is on show: the list, or one video (/#video=…), as links and the browser's own buttons say.

import { signal } from "@preact/signals";

/** The id of the video on show; null is the list. */
export const route = signal<string | null>(current());

window.addEventListener("hashchange", () => {
  route.value = current();
});

export const linkTo = (id: string) => `#video=${id}`;

export function showList(): void {
  location.hash = "list";
}

function current(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get("video");
}
