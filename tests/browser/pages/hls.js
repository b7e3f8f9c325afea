import { script } from "./screen.js";

export async function open({ video, errors }, url) {
  await script("hls.js/dist/hls.min.js");
  const { Events } = window.Hls;
  const hls = new window.Hls();
  hls.on(Events.ERROR, (_, { details, fatal, error }) => {
    errors.push(`hls.js: ${details}${fatal ? " (fatal)" : ""} ${error?.message}`);
  });
  const parsed = new Promise((resolve) => { hls.once(Events.MANIFEST_PARSED, resolve); });
  hls.loadSource(url);
  hls.attachMedia(video);
  await parsed;
  return {
    renditions: () => hls.levels.map(({ width, height }) => ({ width, height })),
    choose: (index) => { hls.currentLevel = index; },
    sounds: () => hls.audioTracks.map(({ lang }) => lang),
    texts: () => hls.subtitleTracks.map(({ lang }) => lang),
    show: (index) => { hls.subtitleTrack = index; },
  };
}
