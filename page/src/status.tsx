// What a screen reader is told: what has happened, once, and never each percent.

import { signal } from "@preact/signals";

const spoken = signal("");
/** Something that the user has to know and to close: what went wrong with what he asked for. */
export const complaint = signal("");

export function announce(words: string): void {
  spoken.value = words;
}

export function complain(error: unknown): void {
  complaint.value = error instanceof Error ? error.message : String(error);
}

export function Announcements() {
  return (
    <output class="unseen" aria-live="polite">
      {spoken}
    </output>
  );
}

export function Complaint() {
  return (
    <div role="alert">
      {complaint.value && (
        <p class="complaint">
          <span>{complaint}</span>
          <button type="button" class="quiet" onClick={() => complain("")}>
            Close
          </button>
        </p>
      )}
    </div>
  );
}
