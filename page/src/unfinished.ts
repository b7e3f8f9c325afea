// Uploads that a reload or a crash interrupted. Their parts wait in the bucket; their files only the user can give again.

import { signal } from "@preact/signals";

const STORED = "vidctl.unfinished";

export interface Unfinished {
  videoId: string;
  key: string;
  uploadId: string;
  name: string;
  size: number;
  /** When the file was changed last, in milliseconds: another content under the same name is another upload. */
  modified: number;
}

export const unfinished = signal<Unfinished[]>(stored());

export function remember(upload: Unfinished): void {
  store([upload, ...unfinished.value.filter(({ uploadId }) => uploadId !== upload.uploadId)]);
}

/** Forget an upload, by its own id or its video's. */
export function forget(id: string): void {
  store(unfinished.value.filter(({ uploadId, videoId }) => uploadId !== id && videoId !== id));
}

function store(uploads: Unfinished[]): void {
  unfinished.value = uploads;
  localStorage.setItem(STORED, JSON.stringify(uploads));
}

function stored(): Unfinished[] {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? "[]");
  } catch {
    return []; // somebody else wrote there
  }
}
