// Plays an HLS stream in a video element: by hls.js, or by the browser where hls.js cannot (iPhones).

import type Hls from "hls.js";

export interface Choice {
  label: string;
  /** What hls.js calls it. */
  index: number;
}

/** What a viewer may choose among; nothing where there is no choice. */
export interface Choices {
  qualities: Choice[];
  sounds: Choice[];
  subtitles: Choice[];
}

export const NO_CHOICES: Choices = { qualities: [], sounds: [], subtitles: [] };

export class Stream {
  private hls: Hls | null = null;
  private recovered = false;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly told: { choices: (choices: Choices) => void; failed: () => void },
  ) {}

  /** Open a stream; `file` is played where streams cannot be. */
  async open(stream: string | null | undefined, file: string | null | undefined): Promise<void> {
    const { default: Library } = await import("hls.js");
    if (stream && Library.isSupported()) this.attach(new Library({ enableWorker: false }), Library, stream);
    else this.video.src = stream && this.video.canPlayType("application/vnd.apple.mpegurl") ? stream : (file ?? "");
  }

  close(): void {
    this.hls?.destroy();
    this.hls = null;
    this.video.removeAttribute("src");
    this.video.load();
  }

  chooseQuality(index: number): void {
    if (this.hls) this.hls.nextLevel = index;
  }

  chooseSound(index: number): void {
    if (this.hls) this.hls.audioTrack = index;
  }

  chooseSubtitles(index: number): void {
    if (this.hls) [this.hls.subtitleTrack, this.hls.subtitleDisplay] = [index, index >= 0];
  }

  private attach(hls: Hls, { Events, ErrorTypes }: typeof Hls, address: string): void {
    this.hls = hls;
    const tell = () => this.told.choices(choices(hls));
    for (const event of [Events.MANIFEST_PARSED, Events.AUDIO_TRACKS_UPDATED, Events.SUBTITLE_TRACKS_UPDATED] as const)
      hls.on(event, tell);
    hls.on(Events.ERROR, (_, { fatal, type }) => {
      if (!fatal) return;
      // A decoder that stumbles once may go on; a stream whose addresses have expired needs new ones.
      if (type === ErrorTypes.MEDIA_ERROR && !this.recovered) hls.recoverMediaError();
      else this.told.failed();
      this.recovered = true;
    });
    hls.loadSource(address);
    hls.attachMedia(this.video);
  }
}

function choices(hls: Hls): Choices {
  const named = (tracks: { name: string; lang?: string }[]) =>
    tracks.map((track, index) => ({ label: track.name || track.lang || `Track ${index + 1}`, index }));
  const qualities = hls.levels.map(({ height, width }, index) => ({ label: `${Math.min(height, width)}p`, index }));
  return { qualities: qualities.reverse(), sounds: named(hls.audioTracks), subtitles: named(hls.subtitleTracks) };
}
