// A service's statuses over time as stretches of a bar.
import type { Segment } from "../api/types";

export type Told = Pick<Segment, "status" | "from" | "to">;

export interface Stretch {
  status: string;
  from: number;
  to: number;
  /** Shares of the whole bar, 0 to 1. */
  left: number;
  width: number;
}

/** Within the window; neighbours of one status are one stretch, and what is not told of is a gap. */
export function stretchesOf(segments: readonly Told[], start: number, end: number): Stretch[] {
  const found: Stretch[] = [];
  for (const segment of segments) {
    const from = Math.max(start, Date.parse(segment.from));
    const to = Math.min(end, Date.parse(segment.to));
    if (to <= from) continue;
    const last = found[found.length - 1];
    if (last !== undefined && last.status === segment.status && from - last.to < 1000) {
      last.to = to;
      last.width = share(last.from, to, start, end);
      continue;
    }
    found.push({ status: segment.status, from, to, left: (from - start) / (end - start), width: share(from, to, start, end) });
  }
  return found;
}

function share(from: number, to: number, start: number, end: number): number {
  return (to - from) / (end - start);
}

/** Round moments between start and end, at most about eight. */
export function ticksOf(start: number, end: number): number[] {
  const minute = 60_000;
  const steps = [1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * minute);
  const step = steps.find((one) => (end - start) / one <= 8) ?? (steps[steps.length - 1] as number);
  const offset = new Date(start).getTimezoneOffset() * minute;
  const ticks: number[] = [];
  for (let at = Math.ceil((start - offset) / step) * step + offset; at < end; at += step) ticks.push(at);
  return ticks;
}
