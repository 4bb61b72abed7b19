// Ages, waits and moments in words. Milliseconds everywhere.

/** `45s`, `12m`, `3h`, `5d`: whole units, the largest one alone, as the command line writes them. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  for (const [size, unit] of [[86_400, "d"], [3_600, "h"], [60, "m"]] as const) {
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)}${unit}`;
  }
  return `${seconds}s`;
}

/** `2.4 s`, `3 min 5 s`, `1 h 4 min`: how long something took. */
export function took(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return joined(minutes, "min", Math.round(seconds % 60), "s");
  if (minutes < 48 * 60) return joined(Math.floor(minutes / 60), "h", minutes % 60, "min");
  return joined(Math.floor(minutes / 1440), "d", Math.floor((minutes % 1440) / 60), "h");
}

function joined(large: number, unit: string, small: number, part: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${part}`;
}

/** `in 4s`, `now`: what is left until a moment. */
export function countdown(at: number, now: number): string {
  const left = at - now;
  return left < 1000 ? "now" : `in ${span(left)}`;
}

/** `14:03:22`, with the day where it is another one than today's. */
export function moment(at: number, now: number): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  return date.toDateString() === new Date(now).toDateString() ? time : `${day(date)} ${time}`;
}

function day(date: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `2.3 ms`, `140 ms`, `1.2 s`. */
export function latency(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
