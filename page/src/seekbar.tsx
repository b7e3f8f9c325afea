import { useEffect, useRef, useState } from "preact/hooks";
import type { Now } from "./player.tsx";
import { type Picture, pictureAt, storyboard } from "./storyboard.ts";
import { clock } from "./words.ts";

interface SeekBarProps {
  now: Now;
  storyboard: string | null | undefined;
  seek: (second: number) => void;
}

/** Where the video is and may go to, with a picture of what is there. */
export function SeekBar({ now, storyboard: address, seek }: SeekBarProps) {
  const bar = useRef<HTMLInputElement>(null);
  const board = useStoryboard(address);
  const [pointed, setPointed] = useState<number | null>(null);
  const point = (event: PointerEvent) => {
    const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect();
    setPointed(Math.min(Math.max((event.clientX - left) / width, 0), 1));
  };
  return (
    <div class="seek" onPointerMove={point} onPointerLeave={() => setPointed(null)}>
      {pointed !== null && now.duration > 0 && (
        <Preview ratio={pointed} second={pointed * now.duration} picture={pictureAt(board, pointed * now.duration)} />
      )}
      <input
        ref={bar}
        type="range"
        min={0}
        max={now.duration || 1}
        step={0.1}
        value={now.second}
        aria-label="Position"
        aria-valuetext={`${clock(now.second)} of ${clock(now.duration)}`}
        style={{ "--played": share(now.second, now), "--buffered": share(now.buffered, now) }}
        onInput={(event) => seek(Number(event.currentTarget.value))}
      />
    </div>
  );
}

function Preview({ ratio, second, picture }: { ratio: number; second: number; picture: Picture | undefined }) {
  const frame = picture && {
    width: `${picture.width}px`,
    height: `${picture.height}px`,
    backgroundImage: `url("${picture.image}")`,
    backgroundPosition: `-${picture.x}px -${picture.y}px`,
  };
  return (
    <div class="preview" aria-hidden="true" style={{ left: `${ratio * 100}%` }}>
      {frame && <div class="picture" style={frame} />}
      {clock(second)}
    </div>
  );
}

/** The pictures; they are not worth waiting for, nor an error. */
function useStoryboard(address: string | null | undefined): Picture[] {
  const [board, setBoard] = useState<Picture[]>([]);
  // Every answer signs anew: the path says whether it is another one.
  const path = address?.split("?")[0];
  useEffect(() => {
    if (address) storyboard(address).then(setBoard, () => setBoard([]));
  }, [path]);
  return board;
}

const share = (second: number, { duration }: Now) => `${duration ? (second / duration) * 100 : 0}%`;
