// Keeps the videos as they are now: what is busy is followed live, and all are read again at times.

import { effect, signal, untracked } from "@preact/signals";
import { call, Refused } from "./api.ts";
import { route } from "./route.ts";
import { token } from "./session.ts";
import { announce } from "./status.tsx";
import { messages } from "./stream.ts";
import { line } from "./telling.ts";
import { type Event, find, forgetAll, hear, isBusy, load, named, type Video, videos } from "./videos.ts";

/** What is wrong with the connection, in words; empty while nothing is. */
export const trouble = signal("");

const MOST_FOLLOWED = 3; // a browser opens six connections to one server, and the page needs some for itself
const REFRESH_MS = 15_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 20_000;

const followed = new Map<string, AbortController>();

/** Keep the list fresh, and follow what is busy, what is on show first, as long as somebody is signed in. */
export function keepUp(): void {
  effect(() => {
    const wanted = token.value ? wantedIds() : [];
    for (const id of followed.keys()) if (!wanted.includes(id)) leave(id);
    for (const id of wanted) if (!followed.has(id)) untracked(() => void follow(id));
  });
  effect(() => {
    if (!token.value) forgetAll();
    else void quietly(load);
  });
  setInterval(() => token.value && videos.value.some(isBusy) && void quietly(load), REFRESH_MS);
}

function wantedIds(): string[] {
  const busy = videos.value.filter(isBusy).map((video) => video.video_id);
  const onShow = busy.filter((id) => id === route.value);
  return [...new Set([...onShow, ...busy])].slice(0, MOST_FOLLOWED);
}

/** Make room at once, so that the video can be followed again before its last stream has come to its end. */
function leave(id: string): void {
  followed.get(id)?.abort();
  followed.delete(id);
}

/** Read a video's events until it is finished; whoever is cut off goes on where he was. */
async function follow(id: string): Promise<void> {
  const following = new AbortController();
  followed.set(id, following);
  let [last, wait] = ["", FIRST_WAIT_MS];
  while (!following.signal.aborted) {
    try {
      const headers: Record<string, string> = last ? { "Last-Event-ID": last } : {};
      const answer = await call(`/v1/videos/${id}/events`, { headers, signal: following.signal });
      for await (const message of messages(answer)) {
        [last, wait] = [message.id || last, FIRST_WAIT_MS];
        if (message.data) tell(id, message.event, JSON.parse(message.data));
      }
      const video = find(id);
      if (!video || !isBusy(video)) break;
    } catch (error) {
      if (following.signal.aborted || (error instanceof Refused && error.status === 404)) break;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
  if (followed.get(id) === following) followed.delete(id);
}

/** Events tell what is new; a snapshot tells all. None tells of links, which are signed for one answer. */
function tell(id: string, event: string, data: Partial<Video> & Event): void {
  hear({ video_id: id, ...(event === "timeline" ? { timeline: withLine(find(id)?.timeline ?? [], data) } : data) });
  const video = find(id);
  if (!video || isBusy(video) || !(event === "state" || event === "snapshot")) return;
  if (video.state === "published") void quietly(load); // where its poster is
  announce(`${named(video)}: ${line(video)}.`);
}

/** An answer that came meanwhile may have told the line before. */
function withLine(timeline: Event[], { event, at, reason }: Event): Event[] {
  const known = timeline.some((other) => other.event === event && other.at === at && other.reason === reason);
  return known ? timeline : [...timeline, { event, at, reason }];
}

async function quietly(action: () => Promise<void>): Promise<void> {
  try {
    await action();
    trouble.value = "";
  } catch (error) {
    trouble.value = error instanceof Error ? error.message : String(error);
  }
}
