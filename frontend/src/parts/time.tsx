// Times that tick: only their own text changes.
import { countdown, moment, span } from "../logic/time";
import { now } from "../store";

/** How long ago, or since when. */
export function Age({ at, suffix = "" }: { at: number | string | null; suffix?: string }) {
  if (at === null) return <span class="quiet">–</span>;
  const then = typeof at === "number" ? at : Date.parse(at);
  return (
    <time class="figure" dateTime={new Date(then).toISOString()} title={moment(then, now.peek())}>
      {span(now.value - then)}
      {suffix}
    </time>
  );
}

export function Countdown({ at }: { at: string }) {
  const due = Date.parse(at);
  return (
    <time class="figure" dateTime={at} title={moment(due, now.peek())}>
      {countdown(due, now.value)}
    </time>
  );
}

export function Moment({ at }: { at: string }) {
  const then = Date.parse(at);
  return (
    <time class="figure" dateTime={at}>
      {moment(then, now.peek())}
    </time>
  );
}
