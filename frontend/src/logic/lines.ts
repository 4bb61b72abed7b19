// A stream of bytes to lines, and lines to what is shown of them.
import type { LogLine } from "../api/types";

export const MOST_LINES = 3000;

/** Newline-delimited JSON, in whatever pieces it comes. */
export class Splitter {
  private rest = "";

  take(text: string): LogLine[] {
    const parts = (this.rest + text).split("\n");
    this.rest = parts.pop() ?? "";
    return parts.filter((part) => part !== "").map((part) => JSON.parse(part) as LogLine);
  }
}

export function keep(lines: readonly LogLine[], more: readonly LogLine[]): LogLine[] {
  const all = [...lines, ...more];
  return all.length > MOST_LINES ? all.slice(-MOST_LINES) : all;
}

/** Those that hold the words, whatever their case. */
export function matching(lines: readonly LogLine[], words: string): readonly LogLine[] {
  if (words === "") return lines;
  const wanted = words.toLowerCase();
  return lines.filter((one) => one.line.toLowerCase().includes(wanted));
}

/** A line in pieces, every second one of which is what was searched for. */
export function pieces(line: string, words: string): string[] {
  if (words === "") return [line];
  const found: string[] = [];
  const lower = line.toLowerCase();
  const wanted = words.toLowerCase();
  let at = 0;
  for (let next = lower.indexOf(wanted); next >= 0; next = lower.indexOf(wanted, at)) {
    found.push(line.slice(at, next), line.slice(next, next + wanted.length));
    at = next + wanted.length;
  }
  return [...found, line.slice(at)];
}
