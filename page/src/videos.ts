// The user's videos: their list, and each as it is now, followed live while something happens to it.

import { effect, signal, untracked } from "@preact/signals";
import { call, Refused, read, send } from "./api.ts";
import { route } from "./route.ts";
import { token } from "./session.ts";
import { announce } from "./status.tsx";
import { messages } from "./stream.ts";
import { line } from "./telling.ts";

export interface Event {
  event: string;
  at: string;
  reason: string | null;
}

export interface Output {
  name: string;
  content_type: string;
  size: number;
  url: string | null;
}

/** What the API tells of a video; `progress` is from 0 to 1. The list tells less of each. */
export interface Video {
  video_id: string;
  state: string;
  filename?: string | null;
  created_at?: string | null;
  duration_seconds?: number | null;
  poster_url?: string | null;
  progress?: number | null;
  remaining_seconds?: number | null;
  /** How many videos are converted before it. */
  ahead?: number | null;
  timeline?: Event[];
  outputs?: Output[];
  playback?: { hls?: string | null; mp4?: string | null; poster?: string | null; storyboard?: string | null } | null;
}

interface Page {
  videos: Video[];
  next: string | null;
}

export const videos = signal<Video[]>([]);
/** Where the list goes on. */
export const next = signal<string | null>(null);
export const loaded = signal(false);
/** What is wrong with the connection, in words; empty while nothing is. */
export const trouble = signal("");

const MOST_FOLLOWED = 3; // a browser opens six connections to one server, and the page needs some for itself
const REFRESH_MS = 15_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 20_000;

export const isBusy = ({ state }: Video) => state === "queued" || state === "running" || state === "verifying";
export const named = ({ filename }: Video) => filename ?? "Untitled video";
export const find = (id: string) => videos.value.find((video) => video.video_id === id);

/** Read the newest videos again; what was read beyond them stays. */
export async function load(): Promise<void> {
  const page = await read<Page>("/v1/videos");
  const oldest = page.videos.at(-1)?.created_at ?? "";
  const beyond = page.next ? videos.value.filter((video) => (video.created_at ?? "") < oldest) : [];
  videos.value = [...page.videos.map(merged), ...beyond];
  if (!beyond.length) next.value = page.next;
  loaded.value = true;
}

export async function loadMore(): Promise<void> {
  const page = await read<Page>(`/v1/videos?after=${encodeURIComponent(next.value ?? "")}`);
  videos.value = [...videos.value, ...page.videos.filter(({ video_id }) => !find(video_id))];
  next.value = page.next;
}

/** Read one video again, so that its addresses are new. */
export async function refresh(id: string): Promise<Video> {
  const video = await read<Video>(`/v1/videos/${id}`);
  put(video);
  return video;
}

/** Show a video that has just arrived, before the server has told of its arrival. */
export function arrived(video_id: string, filename: string): void {
  const known = find(video_id);
  if (known && known.state !== "awaiting_upload") return;
  put({ video_id, filename, state: "queued", created_at: known?.created_at ?? new Date().toISOString() });
}

export async function remove(id: string): Promise<void> {
  await call(`/v1/videos/${id}`, { method: "DELETE" });
  videos.value = videos.value.filter((video) => video.video_id !== id);
}

export async function retry(id: string): Promise<void> {
  await send("POST", `/v1/videos/${id}/retry`);
  put({ ...(find(id) ?? { video_id: id }), state: "queued", progress: null });
}

function put(video: Partial<Video> & { video_id: string }): void {
  if (find(video.video_id))
    videos.value = videos.value.map((known) => (known.video_id === video.video_id ? merged(video) : known));
  else videos.value = [merged(video), ...videos.value];
}

/** What the list does not tell of a video stays as it was. */
function merged(video: Partial<Video> & { video_id: string }): Video {
  return { state: "", ...find(video.video_id), ...video };
}

// --- live -----------------------------------------------------------------------------------------------------------

const followed = new Map<string, AbortController>();

/** Keep the list fresh, and follow what is busy, what is on show first, as long as somebody is signed in. */
export function keepUp(): void {
  effect(() => {
    const wanted = token.value ? wantedIds() : [];
    for (const [id, following] of followed) if (!wanted.includes(id)) following.abort();
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

function forgetAll(): void {
  [videos.value, next.value, loaded.value] = [[], null, false];
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
        if (message.data) hear(id, message.event, JSON.parse(message.data));
      }
      const video = find(id);
      if (!video || !isBusy(video)) break;
    } catch (error) {
      if (error instanceof Refused && error.status === 404) break;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
  followed.delete(id);
}

/** Events tell what is new; a snapshot tells all. None tells of links, which are signed for one answer. */
function hear(id: string, event: string, data: Partial<Video> & Event): void {
  const timeline = event === "timeline" ? { timeline: [...(find(id)?.timeline ?? []), data] } : data;
  put({ video_id: id, ...timeline });
  const video = find(id);
  if (!video || isBusy(video) || !(event === "state" || event === "snapshot")) return;
  if (video.state === "published") void quietly(async () => void (await refresh(id)));
  announce(`${named(video)}: ${line(video)}.`);
}

async function quietly(action: () => Promise<void>): Promise<void> {
  try {
    await action();
    trouble.value = "";
  } catch (error) {
    trouble.value = error instanceof Error ? error.message : String(error);
  }
}
