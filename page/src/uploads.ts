// Uploads, by Uppy: straight to the bucket, each request signed by vidctl, in parts that survive pauses and reloads.

import { signal } from "@preact/signals";
import AwsS3 from "@uppy/aws-s3";
import Uppy, { type Body, type Meta, type UppyFile } from "@uppy/core";
import { send } from "./api.ts";
import { forget, remember, type Unfinished, unfinished } from "./unfinished.ts";
import { megabytes, roughly } from "./words.ts";

const MIB = 2 ** 20;
/** Smaller files are sent again from their beginning; S3 takes no smaller parts either. */
const RESUMABLE = 5 * MIB;
const PART = 8 * MIB;
/** S3 takes 10,000; a few are left for a file that is larger than it said. */
const MOST_PARTS = 9_000;

type File = UppyFile<Meta & { videoId?: string }, Body>;
type Signed = { url: string; key?: string; headers?: Record<string, string>; fields?: Record<string, string> };
type Request = { method: string; key: string; uploadId?: string; contentType?: string };

/** One file on its way to the bucket. */
export interface Upload {
  id: string;
  videoId: string | null;
  name: string;
  size: number;
  sent: number;
  state: "waiting" | "sending" | "paused" | "failed";
  resumable: boolean;
  detail: string;
}

export const uploads = signal<Upload[]>([]);

const uppy = new Uppy<Meta & { videoId?: string }, Body>({
  id: "vidctl",
  autoProceed: true,
  allowMultipleUploadBatches: true,
  // What goes wrong is told on the page.
  logger: { debug() {}, warn() {}, error() {} },
});
/** Which file a key was asked for: the signer is told keys only. */
const files = new Map<string, string>();
/** When a file began to be sent, and how much of it had arrived before: parts that were there cost no time. */
const starts = new Map<string, { at: number; sent: number }>();
let arrived: (videoId: string, name: string) => void = () => {};
let refused: (words: string) => void = () => {};

uppy.use(AwsS3, {
  limit: 3,
  shouldUseMultipart: (file) => (file.size ?? 0) > RESUMABLE,
  getChunkSize: ({ size }) => Math.max(PART, Math.ceil(size / MOST_PARTS)),
  generateObjectKey: (file) => {
    const key = `${crypto.randomUUID()}-${file.name}`;
    files.set(key, file.id);
    return key;
  },
  signRequest: async (request) => sign(request as Request),
});

async function sign(request: Request): Promise<Signed> {
  const file = uppy.getFile(files.get(request.key) ?? "") as File | undefined;
  const begins = file !== undefined && request.uploadId === undefined;
  const about = begins ? { filename: file.name, size: file.size, contentType: typeOf(file) } : {};
  const signed = await send<Signed>("POST", "/v1/uploads/sign", { ...request, ...about });
  const key = signed.fields?.key ?? signed.key;
  if (begins && key) uppy.setFileMeta(file.id, { videoId: videoOf(key) });
  return signed;
}

/** Tell of what arrived in the bucket, and of what could not even begin. */
export function onArrival(tell: typeof arrived, complain: typeof refused): void {
  [arrived, refused] = [tell, complain];
}

/** Begin to upload files; one that was interrupted before goes on where it was. */
export function add(chosen: Iterable<globalThis.File>, accepts: (file: globalThis.File) => string | null): void {
  for (const file of chosen) {
    const fault = accepts(file);
    if (fault) refused(fault);
    else begin(file);
  }
}

function begin(data: globalThis.File): void {
  const interrupted = unfinished.value.find((upload) => isOf(upload, data));
  // Uppy knows a file by its name, type, size and time: one that failed before makes room for the next try.
  const id = attempt(() => uppy.addFile({ name: data.name, type: data.type || "video/mp4", data, source: "page" }));
  if (!id || !interrupted) return;
  uppy.setFileState(id, { s3Multipart: { key: interrupted.key, uploadId: interrupted.uploadId } });
  uppy.setFileMeta(id, { videoId: interrupted.videoId });
}

function attempt(action: () => string): string | null {
  try {
    return action();
  } catch (error) {
    refused(error instanceof Error ? error.message : String(error));
    return null;
  }
}

function isOf(upload: Unfinished, file: globalThis.File): boolean {
  return upload.name === file.name && upload.size === file.size && upload.modified === file.lastModified;
}

export const pause = (id: string) => uppy.pauseResume(id);
export const retry = (id: string) => void uppy.retryUpload(id);
/** Uppy also removes the parts that are in the bucket. */
export const cancel = (id: string) => uppy.removeFile(id);

/** Give up an upload that was interrupted: its file is not here, so that Uppy has none of it. */
export async function abandon({ key, uploadId }: Unfinished): Promise<void> {
  const { url } = await send<Signed>("POST", "/v1/uploads/sign", { method: "DELETE", key, uploadId });
  await fetch(url, { method: "DELETE" });
  forget(uploadId);
}

uppy.on("state-update", (before, now) => {
  if (before.files === now.files) return;
  const all = Object.values(now.files) as File[];
  for (const file of all) {
    const known = (before.files[file.id] as File | undefined)?.s3Multipart;
    if (file.s3Multipart && file.s3Multipart !== known) remember(told(file, file.s3Multipart));
  }
  uploads.value = all.filter((file) => !file.progress.uploadComplete).map(shown);
});

uppy.on("upload-success", (uploaded) => {
  const file = current(uploaded);
  if (!file) return;
  const { videoId } = file.meta;
  uppy.removeFile(file.id);
  if (videoId) arrived(videoId, file.name);
});

uppy.on("file-removed", (file) => forget((file as File).meta.videoId ?? ""));

uppy.on("upload-error", (failed, error) => {
  const file = current(failed);
  // The bucket aborts what lies unfinished for a day: begin anew at the next try.
  if (!file || !/NoSuchUpload|404/.test(error.message)) return;
  forget(file.meta.videoId ?? "");
  uppy.setFileState(file.id, { s3Multipart: undefined });
});

/** What Uppy hands to a listener may be the file as it was when its upload began. */
function current(file: { id: string } | undefined): File | undefined {
  return file && (uppy.getFile(file.id) as File | undefined);
}

window.addEventListener("beforeunload", (leaving) => {
  if (uploads.value.some((upload) => upload.state === "sending")) leaving.preventDefault();
});

function told(file: File, { key, uploadId }: { key: string; uploadId: string }): Unfinished {
  const modified = (file.data as globalThis.File).lastModified;
  return { videoId: videoOf(key), key, uploadId, name: file.name, size: file.size ?? 0, modified };
}

function shown(file: File): Upload {
  const sent = Number(file.progress.bytesUploaded || 0);
  const size = file.size ?? 0;
  const state = file.error ? "failed" : file.isPaused ? "paused" : file.progress.uploadStarted ? "sending" : "waiting";
  const { name, id } = file;
  const resumable = size > RESUMABLE;
  return {
    id,
    videoId: file.meta.videoId ?? null,
    name,
    size,
    sent,
    state,
    resumable,
    detail: detail(file, sent, size),
  };
}

function detail(file: File, sent: number, size: number): string {
  if (file.error) return explained(file.error);
  const amount = `${megabytes(sent)} of ${megabytes(size)}`;
  if (file.isPaused) {
    starts.delete(file.id);
    return amount;
  }
  if (sent === 0) return amount;
  const start = starts.get(file.id) ?? { at: Date.now(), sent };
  starts.set(file.id, start);
  const seconds = (Date.now() - start.at) / 1000;
  // Before that nobody knows how fast it is.
  if (seconds < 2 || sent <= start.sent) return amount;
  return `${amount}, about ${roughly(((size - sent) / (sent - start.sent)) * seconds)} left`;
}

function explained(error: string): string {
  if (/^S3 returned 403/.test(error)) return "The storage refused it: the link has expired. Try again.";
  if (/^S3 returned 412/.test(error)) return "This link was used before. Try again.";
  if (/^Network error/.test(error)) return "The connection broke. Try again: what was sent is kept.";
  return error;
}

function videoOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1).replace(/\.[^.]*$/, "");
}

function typeOf(file: File): string {
  return file.type || "video/mp4";
}
