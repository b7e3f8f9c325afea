// Uploads a file with a signed URL and follows what becomes of it. The token comes from the field or from the fragment
// (/#token=…), which no server sees; it is kept in the tab's session storage, so that a reload goes on watching.

const byId = (id) => document.getElementById(id);
const [form, token, file, send, stop, alertBox, status, headline, progress, amount, player, download, timeline] =
  ["form", "token", "file", "send", "stop", "alert", "status", "headline", "progress", "amount", "player", "download",
    "timeline"].map(byId);

const STATES = {
  awaiting_upload: "Waiting for the upload", queued: "Waiting for its turn", running: "Being converted",
  verifying: "Being checked", published: "Ready to watch", failed: "It could not be converted", cancelled: "Cancelled",
};
const EVENTS = {
  accepted: "Accepted", uploaded: "Uploaded", launched: "Conversion started", encoded: "Converted",
  attempt_failed: "A try failed", verified: "Checked", published: "Published", raw_deleted: "Original deleted",
  kept: "Original kept", failed: "Given up", reopened: "Tried again", cancelled: "Cancelled",
};
const BAD = new Set(["attempt_failed", "failed", "cancelled"]);
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 10000;
const TRIES_FOR_RAW_DELETED = 20;

let watching = 0; // which watch is the current one: an older one ends by itself

function complain(text) {
  alertBox.textContent = text;
  alertBox.hidden = !text;
}

function announce(text) {
  if (headline.textContent !== text) headline.textContent = text; // a screen reader speaks at every change
  status.hidden = false;
}

function showProgress(ratio, text) {
  progress.hidden = ratio === undefined;
  if (ratio === null) progress.removeAttribute("value");
  else if (ratio !== undefined) progress.value = ratio;
  amount.textContent = text ?? "";
}

async function api(path, options = {}) {
  const headers = { Authorization: `Bearer ${token.value.trim()}`, "Content-Type": "application/json" };
  const response = await fetch(path, { ...options, headers, cache: "no-store" });
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const fix = body.fix ? ` Use ${body.fix}.` : "";
  const error = new Error(`${body.detail ?? `The server answered ${response.status}.`}${fix}`);
  error.status = response.status;
  throw error;
}

function put(upload, blob) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(upload.method, upload.url);
    for (const [name, value] of Object.entries(upload.headers)) {
      // A browser sets the length itself, from the file, and lets nobody else.
      if (name.toLowerCase() !== "content-length") request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) =>
      showProgress(event.loaded / blob.size, `${megabytes(event.loaded)} of ${megabytes(blob.size)} MB`);
    request.onload = () => (request.status < 300 ? resolve() : reject(new Error(refusal(request.status))));
    request.onerror = () => reject(new Error("The connection broke. Is the file still there and unchanged? Try again."));
    request.onabort = () => reject(new Error("The upload was stopped."));
    stop.onclick = () => request.abort();
    request.send(blob);
  });
}

function refusal(code) {
  if (code === 403) return "The storage refused the file: the link may have expired. Try again.";
  if (code === 412) return "This link was used before. Try again.";
  return `The storage answered ${code}. Try again.`;
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

async function upload(chosen) {
  const wanted = { filename: chosen.name, content_type: chosen.type || "video/mp4", size: chosen.size };
  const issued = await api("/v1/uploads", { method: "POST", body: JSON.stringify(wanted) });
  byId("video-id").textContent = issued.video_id;
  announce("Uploading");
  stop.hidden = false;
  await put(issued.upload, chosen);
  return issued.video_id;
}

form.onsubmit = async (event) => {
  event.preventDefault();
  const me = ++watching;
  reset();
  send.disabled = true;
  window.onbeforeunload = (leaving) => leaving.preventDefault();
  sessionStorage.setItem("token", token.value.trim());
  try {
    const id = await upload(file.files[0]);
    history.replaceState(null, "", `#video=${id}`);
    if (me === watching) watch(id);
  } catch (error) {
    complain(error.message);
    status.hidden = true;
    if (error.status === 401) token.focus();
  } finally {
    send.disabled = false;
    stop.hidden = true;
    window.onbeforeunload = null;
  }
};

function reset() {
  complain("");
  timeline.replaceChildren();
  player.hidden = download.hidden = true;
  player.pause();
  player.removeAttribute("src");
  player.load();
  showProgress(undefined);
}

async function watch(id) {
  const me = ++watching;
  let wait = FIRST_WAIT_MS, seen = "", extra = 0;
  byId("video-id").textContent = id;
  for (;;) {
    try {
      const video = await api(`/v1/videos/${encodeURIComponent(id)}`);
      if (me !== watching) return;
      complain("");
      show(video);
      if (finished(video) || (video.state === "published" && ++extra > TRIES_FOR_RAW_DELETED)) return;
      const now = JSON.stringify([video.state, video.progress, video.timeline.length]);
      wait = now === seen ? Math.min(wait * 1.4, LONGEST_WAIT_MS) : FIRST_WAIT_MS;
      seen = now;
    } catch (error) {
      if (me !== watching) return;
      complain(error.message);
      if (error.status >= 400 && error.status < 500) return;
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (me !== watching) return;
  }
}

function finished(video) {
  const gone = video.timeline.some((event) => event.event === "raw_deleted");
  return ["failed", "cancelled"].includes(video.state) || (video.state === "published" && gone);
}

function show(video) {
  announce(STATES[video.state] ?? video.state);
  const busy = ["queued", "running", "verifying"].includes(video.state);
  const percent = video.progress === null ? "" : `${Math.round(video.progress * 100)} %`;
  showProgress(busy ? video.progress : undefined, busy ? percent : "");
  timeline.replaceChildren(...video.timeline.map(line));
  const failure = video.timeline.findLast((event) => event.event === "failed");
  // A reason is a word for machines and, after it, a sentence for people.
  const words = failure?.reason?.replace(/^[a-z_]+: /, "") ?? "no reason is known";
  if (video.state === "failed") complain(`It could not be converted: ${words}`);
  // A folder of many objects has no URL of its own.
  const files = video.outputs.filter((output) => output.url !== null);
  const movie = files.find((output) => output.content_type.startsWith("video/"));
  // Every answer signs anew: a player that has its URL keeps it.
  if (movie && player.hidden) play(movie, files.find((output) => output.content_type.startsWith("image/")));
}

function line(event) {
  const item = document.createElement("li"), time = document.createElement("time");
  time.dateTime = event.at;
  time.textContent = new Date(event.at).toLocaleTimeString();
  item.append(time, EVENTS[event.event] ?? event.event);
  item.classList.toggle("bad", BAD.has(event.event));
  if (event.reason) item.append(Object.assign(document.createElement("small"), { textContent: event.reason }));
  return item;
}

function play(movie, poster) {
  if (poster) player.poster = poster.url;
  player.src = movie.url;
  player.setAttribute("aria-label", "The converted video");
  download.firstChild.href = movie.url;
  player.hidden = download.hidden = false;
}

const fragment = new URLSearchParams(location.hash.slice(1));
token.value = fragment.get("token") ?? sessionStorage.getItem("token") ?? "";
sessionStorage.setItem("token", token.value);
// The token leaves the address bar, where it could be seen or shared.
if (fragment.has("token")) history.replaceState(null, "", fragment.has("video") ? `#video=${fragment.get("video")}` : "./");
if (fragment.has("video") && token.value) watch(fragment.get("video"));
