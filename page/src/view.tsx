import { useEffect, useState } from "preact/hooks";
import { DeleteButton, RetryButton } from "./actions.tsx";
import { Heading } from "./app.tsx";
import { Player } from "./player.tsx";
import { Sign } from "./signs.tsx";
import { happened, isBad, line } from "./telling.ts";
import { find, isBusy, named, type Output, refresh, type Video } from "./videos.ts";
import { megabytes, sentence } from "./words.ts";

/** One video: it plays, or says how far it is. */
export function VideoView({ id }: { id: string }) {
  const video = find(id);
  const [fault, setFault] = useState("");
  // Neither the list nor a stream of events tells where to find what is published.
  const isPublished = video?.state === "published";
  useEffect(() => {
    setFault("");
    refresh(id).catch((error: Error) => setFault(error.message));
  }, [id, isPublished]);
  return (
    <>
      <p class="back">
        <a href="#list">
          <Sign of="back" />
          All videos
        </a>
      </p>
      <Heading title={video ? named(video) : "Video"} />
      {video ? <Known video={video} /> : <p class="hint">{fault || "Loading…"}</p>}
    </>
  );
}

function Known({ video }: { video: Video }) {
  return (
    <>
      {video.state === "published" && video.outputs ? (
        <Player key={video.video_id} video={video} />
      ) : (
        <Waiting video={video} />
      )}
      <div class="buttons under">
        {video.state === "failed" && <RetryButton video={video} />}
        <Downloads outputs={video.outputs ?? []} />
        <DeleteButton video={video} />
      </div>
      {video.timeline && (
        <details class="timeline" open={video.state !== "published"}>
          <summary>What happened</summary>
          <ol>
            {video.timeline.map((event) => (
              <li key={`${event.event} ${event.at}`} class={isBad(event) ? "bad" : ""}>
                <span>{happened(event)}</span>
                <time dateTime={event.at}>{new Date(event.at).toLocaleTimeString()}</time>
                {event.reason && <small>{sentence(event.reason)}</small>}
              </li>
            ))}
          </ol>
        </details>
      )}
    </>
  );
}

function Waiting({ video }: { video: Video }) {
  const bad = video.state === "failed";
  return (
    <div class={`card waiting${bad ? " bad" : ""}`}>
      <p>{line(video)}</p>
      {isBusy(video) && (
        <progress max={1} value={video.progress ?? undefined} aria-label="Progress of the conversion" />
      )}
    </div>
  );
}

const DOWNLOADS: Record<string, string> = { "video.mp4": "Download video", "audio.m4a": "Download sound" };

function Downloads({ outputs }: { outputs: Output[] }) {
  return outputs
    .filter(({ name, url }) => url && DOWNLOADS[name])
    .map(({ name, url, size }) => (
      <a key={name} class="button quiet" href={url ?? ""} download={name}>
        {DOWNLOADS[name]} <span class="hint">{megabytes(size)}</span>
      </a>
    ));
}
