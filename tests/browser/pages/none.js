// No player but the browser itself.

export async function open({ video }, url) {
  video.src = url;
  return {};
}
