// What a viewer would notice: every frame that is shown (film.py says how it tells its number), every time that
// playback had to wait, every error; and what happened before, for whoever reads why a test failed.

const CELLS = 12;
const EVENTS = ["play", "playing", "pause", "seeking", "seeked", "waiting", "resize", "durationchange", "ended"];

export function watch(video) {
  const page = { video, errors: [], events: [], frames: [], frame: null, stalls: 0 };
  const number = reader(video);
  const shown = (_, { mediaTime, width, height }) => {
    page.frame = { mediaTime, width, height, number: number() };
    page.frames.push(page.frame);
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
  for (const name of EVENTS) {
    video.addEventListener(name, () => { page.events.push(`${name} ${video.currentTime.toFixed(2)}`); });
  }
  // Before the first frame, and after a seek, everybody waits.
  video.addEventListener("waiting", () => { page.stalls += page.frame && !video.seeking ? 1 : 0; });
  video.addEventListener("error", () => { page.errors.push(`video: ${video.error.code} ${video.error.message}`); });
  window.addEventListener("error", ({ message }) => { page.errors.push(`page: ${message}`); });
  window.addEventListener("unhandledrejection", ({ reason }) => { page.errors.push(`page: ${reason}`); });
  return page;
}

// Returns a function that reads the number of the frame on show, or null where there is none to read.
function reader(video) {
  const context = new OffscreenCanvas(CELLS * 4, 1).getContext("2d", { willReadFrequently: true });
  return () => {
    const { videoWidth: width, videoHeight: height } = video;
    context.drawImage(video, 0, height * 0.9, width, height * 0.05, 0, 0, CELLS * 4, 1);
    const { data } = context.getImageData(0, 0, CELLS * 4, 1);
    const cells = Array.from({ length: CELLS }, (_, cell) => (data[(cell * 4 + 2) * 4] > 128 ? 1 : 0));
    const [first, last] = [cells.shift(), cells.pop()];
    return first === 1 && last === 0 ? cells.reduce((bits, bit) => bits * 2 + bit, 0) : null;
  };
}

// Loads a player that is no module.
export function script(path) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement("script"), { src: `/libraries/${path}`, onload: resolve });
    element.onerror = () => reject(new Error(`cannot load ${path}`));
    document.head.append(element);
  });
}

// Reads a storyboard with the browser's own WebVTT parser, and loads every picture of it. Returns of each cue when it
// begins and ends, its part of the picture, and the size of the whole.
export async function pictures(video, url) {
  const track = Object.assign(document.createElement("track"), { kind: "metadata", src: url });
  const loaded = new Promise((resolve, reject) => { Object.assign(track, { onload: resolve, onerror: reject }); });
  video.append(track);
  track.track.mode = "hidden";
  await loaded;
  return Promise.all([...track.track.cues].map(async ({ startTime: start, endTime: end, text }) => {
    const { href, hash } = new URL(text, url);
    const image = Object.assign(new Image(), { crossOrigin: "anonymous", src: href });
    await image.decode();
    const [x, y, width, height] = hash.replace("#xywh=", "").split(",").map(Number);
    return { start, end, x, y, width, height, whole: { width: image.naturalWidth, height: image.naturalHeight } };
  }));
}
