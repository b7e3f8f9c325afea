import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { fault, kinds, limits } from "./limits.ts";
import { complain } from "./status.tsx";
import { add } from "./uploads.ts";
import { megabytes } from "./words.ts";

/** Where files are dropped or chosen. They may be dropped anywhere on the page: who misses it would leave the page. */
export function DropZone() {
  const over = useSignal(false);
  useEffect(() => {
    const enter = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      over.value = true;
    };
    const leave = (event: DragEvent) => {
      if (!event.relatedTarget) over.value = false;
    };
    const drop = (event: DragEvent) => {
      event.preventDefault();
      over.value = false;
      upload(event.dataTransfer?.files);
    };
    const leaving = new AbortController();
    const { signal } = leaving;
    window.addEventListener("dragover", enter, { signal });
    window.addEventListener("dragleave", leave, { signal });
    window.addEventListener("drop", drop, { signal });
    return () => leaving.abort();
  }, []);
  return (
    <section class={`card dropzone${over.value ? " over" : ""}`} aria-label="Upload">
      <p class="invitation">{over.value ? "Drop to upload" : "Drop videos here"}</p>
      <label class="button">
        Choose files
        <input
          type="file"
          class="unseen"
          multiple
          accept={[...limits.value.content_types, ...limits.value.suffixes].join(",")}
          onChange={(event) => {
            upload(event.currentTarget.files);
            event.currentTarget.value = ""; // the same file may be chosen again
          }}
        />
      </label>
      <p class="hint">
        {kinds()}
        {Number.isFinite(limits.value.max_bytes) && `, up to ${megabytes(limits.value.max_bytes)}`}. An upload that is
        interrupted goes on where it was.
      </p>
    </section>
  );
}

function upload(files: FileList | null | undefined): void {
  complain("");
  add([...(files ?? [])], fault);
}
