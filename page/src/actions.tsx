import { useRef, useState } from "preact/hooks";
import { route, showList } from "./route.ts";
import { Sign } from "./signs.tsx";
import { announce, complain } from "./status.tsx";
import { named, remove, retry, type Video } from "./videos.ts";

export function RetryButton({ video }: { video: Video }) {
  const [busy, setBusy] = useState(false);
  const again = async () => {
    setBusy(true);
    await retry(video.video_id).then(() => announce(`${named(video)} is tried again.`), complain);
    setBusy(false);
  };
  return (
    <button type="button" class="quiet" disabled={busy} onClick={again}>
      Try again<span class="unseen"> {named(video)}</span>
    </button>
  );
}

/** Deletes a video after a question: nothing brings it back. */
export function DeleteButton({ video, small }: { video: Video; small?: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = `delete-${video.video_id}`;
  const answered = () => {
    if (dialog.current?.returnValue === "delete") void deleted(video);
  };
  return (
    <>
      <button type="button" class={small ? "icon" : "quiet"} onClick={() => dialog.current?.showModal()}>
        {small && <Sign of="bin" />}
        <span class={small ? "unseen" : ""}>Delete</span>
        <span class="unseen"> {named(video)}</span>
      </button>
      <dialog ref={dialog} class="card" aria-labelledby={title} onClose={answered}>
        <form method="dialog">
          <h2 id={title}>Delete this video?</h2>
          <p>
            <strong>{named(video)}</strong> and everything that was made of it will be gone for good.
          </p>
          <p class="buttons">
            <button type="submit" class="quiet" value="keep">
              Keep it
            </button>
            <button type="submit" class="danger" value="delete">
              Delete
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}

async function deleted(video: Video): Promise<void> {
  try {
    await remove(video.video_id);
    announce(`${named(video)} is deleted.`);
    if (route.value === video.video_id) showList();
  } catch (error) {
    complain(error);
  }
}
