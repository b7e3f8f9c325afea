// What may be uploaded, by the server's settings: said before anything is sent.

import { signal } from "@preact/signals";
import { megabytes } from "./words.ts";

interface Limits {
  suffixes: string[];
  content_types: string[];
  max_bytes: number;
}

export const limits = signal<Limits>({ suffixes: [".mp4"], content_types: ["video/mp4"], max_bytes: Infinity });

export async function configure(): Promise<void> {
  const response = await fetch("page.json");
  if (response.ok) limits.value = (await response.json()).uploads;
}

/** Say what is wrong with a file, or null. The server checks again, and more. */
export function fault(file: File): string | null {
  const { suffixes, max_bytes } = limits.value;
  if (!suffixes.some((suffix) => file.name.toLowerCase().endsWith(suffix.toLowerCase())))
    return `${file.name} is no ${kinds()} file. Choose another one, or convert it first.`;
  if (file.size === 0) return `${file.name} is empty.`;
  if (file.size > max_bytes)
    return `${file.name} has ${megabytes(file.size)}; the largest that is taken has ${megabytes(max_bytes)}.`;
  return null;
}

export function kinds(): string {
  return limits.value.suffixes.map((suffix) => suffix.slice(1).toUpperCase()).join(" or ");
}
