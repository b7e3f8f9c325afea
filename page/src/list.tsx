import { useState } from "preact/hooks";
import { DeleteButton, RetryButton } from "./actions.tsx";
import { linkTo } from "./route.ts";
import { Sign } from "./signs.tsx";
import { complain } from "./status.tsx";
import { line } from "./telling.ts";
import { unfinished } from "./unfinished.ts";
import { abandon, cancel, pause, retry, type Upload, uploads } from "./uploads.ts";
import { isBusy, loaded, loadMore, named, next, type Video, videos } from "./videos.ts";
import { clock, megabytes } from "./words.ts";

/** What has not arrived yet is shown by whoever sends it; what is deleted is not shown. */
const HIDDEN = new Set(["awaiting_upload", "deleting", "deleted"]);

/** Everything of the user's: what is on its way, what was interrupted, and what has arrived. */
export function List() {
  const here = new Set(uploads.value.map((upload) => upload.videoId));
  const interrupted = unfinished.value.filter(({ videoId }) => !here.has(videoId));
  const there = videos.value.filter(({ video_id, state }) => !HIDDEN.has(state) && !here.has(video_id));
  const nothing = !uploads.value.length && !interrupted.length && !there.length;
  if (nothing) return <p class="hint empty">{loaded.value ? "Nothing here yet." : "Loading…"}</p>;
  return (
    <>
      <ul class="rows" aria-label="Your videos">
        {uploads.value.map((upload) => (
          <UploadRow key={upload.videoId ?? upload.id} upload={upload} />
        ))}
        {interrupted.map((upload) => (
          <Row key={upload.videoId} title={upload.name} telling="Interrupted. Choose the same file again to go on.">
            <button type="button" class="quiet" onClick={() => abandon(upload).catch(complain)}>
              Give up<span class="unseen"> {upload.name}</span>
            </button>
          </Row>
        ))}
        {there.map((video) => (
          <VideoRow key={video.video_id} video={video} />
        ))}
      </ul>
      {next.value && <MoreButton />}
    </>
  );
}

function UploadRow({ upload }: { upload: Upload }) {
  const { id, name, state } = upload;
  const heading = { waiting: "Waiting", sending: "Uploading", paused: "Paused", failed: "Upload failed" }[state];
  return (
    <Row
      title={name}
      telling={state === "waiting" ? `${heading}, ${megabytes(upload.size)}` : `${heading}: ${upload.detail}`}
      bad={state === "failed"}
      progress={state === "failed" ? undefined : upload.sent / upload.size}
    >
      {state === "failed" && (
        <button type="button" onClick={() => retry(id)}>
          Try again<span class="unseen"> {name}</span>
        </button>
      )}
      {(state === "sending" || state === "paused") && upload.resumable && (
        <button type="button" class="quiet" onClick={() => pause(id)}>
          {state === "paused" ? "Resume" : "Pause"}
          <span class="unseen"> {name}</span>
        </button>
      )}
      <button type="button" class="quiet" onClick={() => cancel(id)}>
        Cancel<span class="unseen"> {name}</span>
      </button>
    </Row>
  );
}

function VideoRow({ video }: { video: Video }) {
  return (
    <Row
      title={named(video)}
      href={linkTo(video.video_id)}
      poster={video.poster_url}
      seconds={video.duration_seconds}
      telling={line(video)}
      bad={video.state === "failed"}
      progress={isBusy(video) ? (video.progress ?? null) : undefined}
    >
      {video.state === "failed" && <RetryButton video={video} />}
      <DeleteButton video={video} small />
    </Row>
  );
}

interface RowProps {
  title: string;
  telling: string;
  href?: string;
  poster?: string | null;
  seconds?: number | null;
  bad?: boolean;
  /** From 0 to 1; null while nobody can say, undefined for what does not progress. */
  progress?: number | null;
  children: preact.ComponentChildren;
}

function Row({ title, telling, href, poster, seconds, bad, progress, children }: RowProps) {
  return (
    <li class={`card row${bad ? " bad" : ""}`}>
      <div class="thumb" aria-hidden="true">
        {poster ? <img src={poster} alt="" loading="lazy" /> : <Sign of="film" />}
        {seconds ? <span class="length">{clock(seconds)}</span> : null}
      </div>
      <div class="what">
        <p class="title">{href ? <a href={href}>{title}</a> : title}</p>
        <p class="telling">{telling}</p>
        {progress !== undefined && (
          <progress max={1} value={progress ?? undefined} aria-label={`Progress of ${title}`} />
        )}
      </div>
      <div class="buttons">{children}</div>
    </li>
  );
}

function MoreButton() {
  const [busy, setBusy] = useState(false);
  const more = async () => {
    setBusy(true);
    await loadMore().catch(complain);
    setBusy(false);
  };
  return (
    <button type="button" class="quiet more" disabled={busy} onClick={more}>
      {busy ? "Loading…" : "Show older videos"}
    </button>
  );
}
