import { script } from "./screen.js";

export async function open({ video, errors }, url) {
  await script("dashjs/dist/modern/umd/dash.all.min.js");
  const { MediaPlayer, Debug } = window.dashjs;
  const dash = MediaPlayer().create();
  dash.on(MediaPlayer.events.ERROR, ({ error }) => { errors.push(`dash.js: ${error.code} ${error.message}`); });
  dash.updateSettings({
    debug: { logLevel: Debug.LOG_LEVEL_NONE },
    streaming: { abr: { autoSwitchBitrate: { video: false } } },
  });
  const ready = new Promise((resolve) => { dash.on(MediaPlayer.events.STREAM_INITIALIZED, resolve); });
  dash.initialize(video, url, false);
  await ready;
  const renditions = () => dash.getRepresentationsByType("video");
  return {
    renditions: () => renditions().map(({ width, height }) => ({ width, height })),
    choose: (index) => { dash.setRepresentationForTypeById("video", renditions()[index].id, true); },
    sounds: () => dash.getTracksFor("audio").map(({ lang }) => lang),
    texts: () => dash.getTracksFor("text").map(({ lang }) => lang),
    show: (index) => { dash.enableText(true); dash.setTextTrack(index); },
  };
}
