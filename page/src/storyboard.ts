// Storyboards: small pictures of a video, many in one image, and a WebVTT file that says which belongs to which time.

export interface Picture {
  start: number;
  end: number;
  image: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export async function storyboard(address: string): Promise<Picture[]> {
  const response = await fetch(address);
  return response.ok ? pictures(await response.text(), response.url) : [];
}

const CUE = /^([\d:.]+) --> ([\d:.]+).*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/gm;

export function pictures(text: string, base: string): Picture[] {
  return [...text.replaceAll("\r\n", "\n").matchAll(CUE)].map(([, start, end, image, ...area]) => {
    const [x, y, width, height] = area.map(Number) as [number, number, number, number];
    return { start: seconds(start), end: seconds(end), image: new URL(image ?? "", base).href, x, y, width, height };
  });
}

export function pictureAt(board: Picture[], second: number): Picture | undefined {
  return board.find(({ end }) => second < end) ?? board.at(-1);
}

function seconds(clock = ""): number {
  return clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
