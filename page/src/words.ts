// Numbers and states as people say them.

export function megabytes(bytes: number): string {
  const [amount, unit] = bytes >= 1e9 ? [bytes / 1e9, "GB"] : [bytes / 1e6, "MB"];
  return `${amount.toFixed(amount < 10 && bytes > 0 ? 1 : 0)} ${unit}`;
}

export function percent(ratio: number): string {
  return `${Math.floor(ratio * 100)} %`;
}

/** A time that something takes, rounded as a person would: nobody is told 61 seconds. */
export function roughly(seconds: number): string {
  if (seconds < 10) return "a few seconds";
  if (seconds < 55) return `${Math.ceil(seconds / 10) * 10} seconds`;
  if (seconds < 3570) return plural(Math.round(seconds / 60), "minute");
  return plural(Math.round(seconds / 1800) / 2, "hour");
}

/** A position in a video, as players write it: 1:02:03. */
export function clock(seconds: number): string {
  const whole = Math.floor(Number.isFinite(seconds) ? seconds : 0);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number: number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export function day(at: string): string {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return today
    ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString([], { day: "numeric", month: "short", year: "numeric" });
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A reason is a word for machines and, after it, a sentence for people. */
export function sentence(reason: string | null | undefined): string {
  const words = (reason ?? "").replace(/^[a-z_]+: /, "");
  return words ? words.charAt(0).toUpperCase() + words.slice(1).replace(/\.$/, "") : "No reason is known";
}
