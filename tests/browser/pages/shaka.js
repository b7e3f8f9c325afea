import { script } from "./screen.js";

// Of what is buffered these seconds are still played, so that a change of rendition does not stop the picture.
const MARGIN = 1;

export async function open({ video, errors }, url) {
  await script("shaka-player/dist/shaka-player.compiled.js");
  const shaka = new window.shaka.Player();
  shaka.addEventListener("error", ({ detail }) => { errors.push(`shaka: ${detail.code} ${detail.message}`); });
  await shaka.attach(video);
  shaka.configure({ abr: { enabled: false } });
  await shaka.load(url);
  const renditions = () => shaka.getVideoTracks();
  return {
    renditions: () => renditions().map(({ width, height }) => ({ width, height })),
    choose: (index) => { shaka.selectVideoTrack(renditions()[index], true, MARGIN); },
    sounds: () => shaka.getAudioTracks().map(({ language }) => language),
    texts: () => shaka.getTextTracks().map(({ language }) => language),
    show: (index) => { shaka.selectTextTrack(shaka.getTextTracks()[index]); },
  };
}
