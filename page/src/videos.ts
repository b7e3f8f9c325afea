// The user's videos: their list, and each as it was heard of last.

import { signal } from "@preact/signals";
import { call, read, send } from "./api.ts";

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
  /** Why it failed, in a sentence. */
  detail?: string | null;
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

export const isBusy = ({ state }: Video) => state === "queued" || state === "running" || state === "verifying";
export const named = ({ filename }: Video) => filename ?? "Untitled video";
export const find = (id: string) => videos.value.find((video) => video.video_id === id);

/** Read the newest videos again; what was read beyond them stays, and so does what was heard of meanwhile. */
export async function load(): Promise<void> {
  const asked = now();
  const page = await read<Page>("/v1/videos");
  const listed = page.videos.filter((video) => !isGone(video));
  const oldest = page.videos.at(-1)?.created_at ?? "";
  const beyond = page.next ? videos.value.filter((video) => (video.created_at ?? "") < oldest) : [];
  const there = new Set([...listed, ...beyond].map(({ video_id }) => video_id));
  const fresh = videos.value.filter(({ video_id }) => !there.has(video_id) && isNewer(video_id, asked));
  videos.value = [...fresh, ...listed.map((video) => upToDate(video, asked)), ...beyond];
  if (!beyond.length) next.value = page.next;
  loaded.value = true;
}

export async function loadMore(): Promise<void> {
  const page = await read<Page>(`/v1/videos?after=${encodeURIComponent(next.value ?? "")}`);
  videos.value = [...videos.value, ...page.videos.filter((video) => !find(video.video_id) && !isGone(video))];
  next.value = page.next;
}

/** Read one video again, so that its addresses are new. */
export async function refresh(id: string): Promise<Video> {
  const asked = now();
  const video = await read<Video>(`/v1/videos/${id}`);
  put(upToDate(video, asked));
  return video;
}

/** Show a video that has just arrived, before the server has told of its arrival. */
export function arrived(video_id: string, filename: string): void {
  const known = find(video_id);
  if (known && known.state !== "awaiting_upload") return;
  hear({ video_id, filename, state: "queued", created_at: known?.created_at ?? new Date().toISOString() });
}

export async function remove(id: string): Promise<void> {
  await call(`/v1/videos/${id}`, { method: "DELETE" });
  removed.add(id);
  videos.value = videos.value.filter((video) => video.video_id !== id);
}

export async function retry(id: string): Promise<void> {
  await send("POST", `/v1/videos/${id}/retry`);
  hear({ video_id: id, state: "queued", progress: null });
}

// Answers overtake each other: one that was asked for before something else was heard must not take that back.

/** What streams, and the user himself, tell of a video between two answers. */
const LIVE = ["state", "detail", "progress", "remaining_seconds", "ahead", "timeline"] as const;

let moment = 0;
const heardAt = new Map<string, number>();
const removed = new Set<string>();

function now(): number {
  moment += 1;
  return moment;
}

const isNewer = (id: string, asked: number) => (heardAt.get(id) ?? 0) > asked;
const isGone = ({ video_id }: Video) => removed.has(video_id);

/** Take in what is true from now on. */
export function hear(news: Partial<Video> & { video_id: string }): void {
  heardAt.set(news.video_id, now());
  put(news);
}

/** Return an answer with what was heard of the video since it was asked for. */
function upToDate(answer: Video, asked: number): Video {
  const known = find(answer.video_id);
  if (!known || !isNewer(answer.video_id, asked)) return merged(answer);
  const live = LIVE.filter((name) => known[name] !== undefined).map((name) => [name, known[name]]);
  return merged({ ...answer, ...Object.fromEntries(live) });
}

function put(video: Partial<Video> & { video_id: string }): void {
  if (removed.has(video.video_id)) return;
  if (find(video.video_id))
    videos.value = videos.value.map((known) => (known.video_id === video.video_id ? merged(video) : known));
  else videos.value = [merged(video), ...videos.value];
}

/** What the list does not tell of a video stays as it was. */
function merged(video: Partial<Video> & { video_id: string }): Video {
  return { state: "", ...find(video.video_id), ...video };
}

/** Another one may sign in. */
export function forgetAll(): void {
  [videos.value, next.value, loaded.value] = [[], null, false];
  heardAt.clear();
}
