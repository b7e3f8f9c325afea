// What is told of a video: a line for the list, a sentence for each thing that happened.

import type { Event, Video } from "./videos.ts";
import { day, percent, plural, roughly, sentence } from "./words.ts";

const EVENTS: Record<string, string> = {
  accepted: "Accepted",
  uploaded: "Uploaded",
  launched: "Conversion started",
  encoded: "Converted",
  attempt_failed: "A try failed",
  verified: "Checked",
  published: "Ready to watch",
  raw_deleted: "Original deleted",
  kept: "Original kept",
  failed: "Given up",
  reopened: "Tried again",
  deleting: "Deleted",
};

export const happened = ({ event }: Event) => EVENTS[event] ?? event;

export const isBad = ({ event }: Event) => event === "attempt_failed" || event === "failed";

export function line(video: Video): string {
  switch (video.state) {
    case "awaiting_upload":
      return "Waiting for the upload";
    case "queued":
      return video.ahead ? `Waiting, ${plural(video.ahead, "video")} before it` : "Waiting for its turn";
    case "running":
      return converting(video);
    case "verifying":
      return "Being checked";
    case "published":
      return video.created_at ? `Ready, uploaded ${day(video.created_at)}` : "Ready";
    case "failed":
      return `It could not be converted: ${sentence(video.detail)}`;
    case "deleting":
      return "Being deleted";
    case "deleted":
      return "Deleted";
    default:
      return video.state;
  }
}

function converting({ progress, remaining_seconds }: Video): string {
  if (progress === null || progress === undefined) return "Being converted";
  const left = remaining_seconds ? `, about ${roughly(remaining_seconds)} left` : "";
  return `Being converted: ${percent(progress)}${left}`;
}
