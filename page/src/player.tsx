import { useEffect, useRef, useState } from "preact/hooks";
import { SeekBar } from "./seekbar.tsx";
import { Sign } from "./signs.tsx";
import { type Choice, type Choices, NO_CHOICES, Stream } from "./stream-player.ts";
import { named, refresh, type Video } from "./videos.ts";
import { clock } from "./words.ts";

const STEP_SECONDS = 5;
const TRIES = 2;

/** A player with a storyboard on its seek bar; every control is the browser's own, so that every device can use it. */
export function Player({ video }: { video: Video }) {
  const box = useRef<HTMLDivElement>(null);
  const element = useRef<HTMLVideoElement>(null);
  const stream = useRef<Stream | null>(null);
  const [choices, setChoices] = useState<Choices>(NO_CHOICES);
  const [trouble, setTrouble] = useState("");
  const now = useNow(element);

  useEffect(() => {
    const screen = element.current;
    if (!screen) return;
    let tries = 0;
    const open = (from: Video) => opened.open(from.playback?.hls, from.playback?.mp4 ?? movie(from));
    // Addresses are signed for a time: whoever comes back later needs new ones, and goes on where he was.
    const failed = async () => {
      if (++tries > TRIES) return setTrouble("The video cannot be played now. Try again later.");
      const second = screen.currentTime;
      opened.close();
      await refresh(video.video_id).then(open, () => failed());
      screen.currentTime = second;
    };
    const opened = new Stream(screen, { choices: setChoices, failed });
    stream.current = opened;
    screen.onerror = () => screen.getAttribute("src") && failed();
    void open(video);
    return () => opened.close();
  }, [video.video_id]);

  const toggle = () => (now.paused ? element.current?.play() : element.current?.pause());
  const seek = (second: number) => {
    if (element.current) element.current.currentTime = Math.min(Math.max(second, 0), now.duration);
  };
  const fullscreen = () => (document.fullscreenElement ? document.exitFullscreen() : box.current?.requestFullscreen());
  const keys = (event: KeyboardEvent) => {
    const at = event.target as HTMLElement;
    // A control that has the focus keeps its own keys.
    if (event.ctrlKey || event.metaKey || event.altKey || (at !== element.current && at !== box.current)) return;
    const action = {
      " ": toggle,
      k: toggle,
      f: fullscreen,
      m: () => mute(element.current),
      ArrowLeft: () => seek(now.second - STEP_SECONDS),
      ArrowRight: () => seek(now.second + STEP_SECONDS),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    void action();
  };

  return (
    <>
      <section ref={box} class="player" onKeyDown={keys} aria-label="Player">
        {/* biome-ignore lint/a11y/useMediaCaption: subtitles come with the stream */}
        <video
          ref={element}
          poster={video.playback?.poster ?? picture(video) ?? undefined}
          playsInline
          preload="metadata"
          tabIndex={0}
          aria-label={named(video)}
          onClick={toggle}
        />
        <div class="controls">
          <button type="button" class="icon" aria-label={now.paused ? "Play" : "Pause"} onClick={toggle}>
            <Sign of={now.paused ? "play" : "pause"} />
          </button>
          <SeekBar now={now} storyboard={video.playback?.storyboard ?? board(video)} seek={seek} />
          <span class="clock">
            {clock(now.second)} / {clock(now.duration)}
          </span>
          <button
            type="button"
            class="icon"
            aria-label="Mute"
            aria-pressed={now.muted}
            onClick={() => mute(element.current)}
          >
            <Sign of={now.muted ? "muted" : "sound"} />
          </button>
          <button type="button" class="icon" aria-label="Full screen" onClick={fullscreen}>
            <Sign of="fullscreen" />
          </button>
        </div>
      </section>
      {trouble && (
        <p class="complaint" role="alert">
          {trouble}
        </p>
      )}
      <div class="choices">
        <Chooser
          label="Quality"
          none="Automatic"
          least={2}
          choices={choices.qualities}
          choose={(i) => stream.current?.chooseQuality(i)}
        />
        <Chooser label="Sound" least={2} choices={choices.sounds} choose={(i) => stream.current?.chooseSound(i)} />
        <Chooser
          label="Subtitles"
          none="None"
          least={1}
          choices={choices.subtitles}
          choose={(i) => stream.current?.chooseSubtitles(i)}
        />
      </div>
    </>
  );
}

interface ChooserProps {
  label: string;
  /** What choosing nothing is called. */
  none?: string;
  /** With fewer there is no choice. */
  least: number;
  choices: Choice[];
  choose: (index: number) => void;
}

function Chooser({ label, none, least, choices, choose }: ChooserProps) {
  if (choices.length < least) return null;
  return (
    <label>
      {label}
      <select onChange={(event) => choose(Number(event.currentTarget.value))}>
        {none && <option value={-1}>{none}</option>}
        {choices.map((choice) => (
          <option key={choice.index} value={choice.index}>
            {choice.label}
          </option>
        ))}
      </select>
    </label>
  );
}

export interface Now {
  second: number;
  duration: number;
  buffered: number;
  paused: boolean;
  muted: boolean;
}

/** What a video element is doing. */
function useNow(element: preact.RefObject<HTMLVideoElement>): Now {
  const [now, setNow] = useState<Now>({ second: 0, duration: 0, buffered: 0, paused: true, muted: false });
  useEffect(() => {
    const screen = element.current;
    if (!screen) return;
    const leaving = new AbortController();
    const look = () => setNow(seen(screen));
    const changes = ["timeupdate", "durationchange", "progress", "play", "pause", "ended", "seeking", "volumechange"];
    for (const change of changes) screen.addEventListener(change, look, { signal: leaving.signal });
    return () => leaving.abort();
  }, []);
  return now;
}

function seen(screen: HTMLVideoElement): Now {
  const { currentTime: second, buffered, paused, muted } = screen;
  const duration = Number.isFinite(screen.duration) ? screen.duration : 0;
  return { second, duration, buffered: buffered.length ? buffered.end(buffered.length - 1) : 0, paused, muted };
}

function mute(screen: HTMLVideoElement | null): void {
  if (screen) screen.muted = !screen.muted;
}

const output = (video: Video, name: string) => video.outputs?.find((made) => made.name === name)?.url;
const movie = (video: Video) => output(video, "video.mp4");
const picture = (video: Video) => output(video, "poster.jpg");
const board = (video: Video) => output(video, "storyboard.vtt");
