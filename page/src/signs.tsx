// Signs on buttons and in empty places, drawn in a square of 24.

const SIGNS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  sound: "M4 9v6h4l5 5V4L8 9zM16 8.5a4.5 4.5 0 0 1 0 7zM15.5 4a8.5 8.5 0 0 1 0 16v-2.2a6.5 6.5 0 0 0 0-11.6z",
  muted:
    "M4 9v6h4l5 5V4L8 9zM15.5 9.9l1.4-1.4 2.1 2.1 2.1-2.1 1.4 1.4-2.1 2.1 2.1 2.1-1.4 1.4-2.1-2.1-2.1 2.1-1.4-1.4 2.1-2.1z",
  bin: "M9 3h6l1 2h4v2H4V5h4zM5.5 8.5h13L17.6 21H6.4zM9.5 11v7h1.5v-7zM13 11v7h1.5v-7z",
  film: "M4 4h16v16H4zM6 6v2h2V6zM6 11v2h2v-2zM6 16v2h2v-2zM16 6v2h2V6zM16 11v2h2v-2zM16 16v2h2v-2zM10 6v5h4V6zM10 13v5h4v-5z",
  back: "M14.5 5.5 8 12l6.5 6.5 1.4-1.4-5-5.1 5-5.1z",
  fullscreen: "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
};

export function Sign({ of }: { of: keyof typeof SIGNS }) {
  return (
    <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <path d={SIGNS[of]} fill="currentColor" fill-rule="evenodd" />
    </svg>
  );
}
