// The statuses of the last hours as a bar.
import { useState } from "preact/hooks";
import type { AvailabilityList, History as Past, Segment } from "../../api/types";
import { STATUS_WORDS } from "../../logic/condition";
import { moment, took } from "../../logic/time";
import { type Stretch, stretchesOf, ticksOf } from "../../logic/timeline";
import { useAnswer } from "../../parts/answer";
import { now, services } from "../../store";

const SPANS = [1, 6, 24, 168] as const;
const HOUR = 3_600_000;

export function History({ name }: { name: string }) {
  const [chosen, setHours] = useState<number | null>(null);
  const known = useAnswer<Past>(`/api/system/services/${encodeURIComponent(name)}/history?hours=24`).value;
  const hours = chosen ?? fitting(known, now.peek());
  const status = services.value.get(name)?.service.status ?? "";
  const { value, failure } = useAnswer<Past>(
    `/api/system/services/${encodeURIComponent(name)}/history?hours=${hours}`,
    status,
    30_000,
  );
  const end = Math.floor(now.value / 10_000) * 10_000;
  const start = end - hours * HOUR;
  const stretches = stretchesOf(lengthened(value?.segments ?? [], end), start, end);
  return (
    <section class="history" aria-label="Status history">
      <div class="section-head">
        <h2>Status</h2>
        <Available name={name} hours={hours} again={status} />
        <div class="segments" role="group" aria-label="How far back">
          {SPANS.map((one) => (
            <button type="button" key={one} aria-pressed={hours === one} onClick={() => setHours(one)}>
              {one === 168 ? "7 d" : `${one} h`}
            </button>
          ))}
        </div>
      </div>
      <div class="bar" role="img" aria-label={wordsOf(stretches, failure)}>
        {stretches.map((one) => (
          <span
            class={`stretch stretch-${one.status}`}
            key={one.from}
            style={{ left: `${one.left * 100}%`, width: `${one.width * 100}%` }}
            title={`${nameOf(one.status)}, ${took((one.to - one.from) / 1000)}: ${moment(one.from, end)} to ${moment(one.to, end)}`}
          />
        ))}
      </div>
      <div class="ticks" aria-hidden="true">
        {ticksOf(start, end)
          .filter((at) => at > start + 0.03 * (end - start) && at < end - 0.03 * (end - start))
          .map((at) => (
          <span key={at} style={{ left: `${((at - start) / (end - start)) * 100}%` }}>
            {labelOf(at, hours)}
          </span>
        ))}
      </div>
      {failure !== "" && <p class="quiet">{failure}</p>}
    </section>
  );
}

const WINDOWS: Readonly<Record<number, "1h" | "24h" | "7d">> = { 1: "1h", 24: "24h", 168: "7d" };

/** What of that time it was up; for six hours nobody reckons it. */
function Available({ name, hours, again }: { name: string; hours: number; again: string }) {
  const { value } = useAnswer<AvailabilityList>("/api/system/availability", again, 60_000);
  const window = WINDOWS[hours];
  const figures = window === undefined ? undefined : value?.services.find((one) => one.name === name)?.windows[window];
  if (figures === undefined || figures.availability === null) return <span class="quiet available" />;
  const share = figures.availability;
  const words = [
    `${percent(share)} available`,
    figures.mean_seconds_to_recover !== null && `recovers in ${took(figures.mean_seconds_to_recover)}`,
    figures.incidents > 0 && (figures.incidents === 1 ? "1 incident" : `${figures.incidents} incidents`),
  ];
  return <span class="quiet available">{words.filter(Boolean).join(" · ")}</span>;
}

/** Until somebody chooses: a day, or less where less is known. */
function fitting(past: Past | null, end: number): number {
  const first = past?.segments.find((one) => one.status !== "unknown");
  const age = first === undefined ? 24 * HOUR : end - Date.parse(first.from);
  return SPANS.find((hours) => age <= hours * HOUR && hours < 24) ?? 24;
}

/** What is now was told a moment ago, and still is. */
function lengthened(segments: readonly Segment[], end: number): Segment[] {
  const last = segments[segments.length - 1];
  if (last === undefined || end - Date.parse(last.to) > 60_000) return [...segments];
  return [...segments.slice(0, -1), { ...last, to: new Date(end).toISOString() }];
}

const NAMES: Readonly<Record<string, string>> = {
  ...STATUS_WORDS,
  unknown: "not known: nobody could see it",
  mixed: "changing: of this hour only sums are kept",
};

/** Never rounded up: 99.99 % is not all. */
function percent(share: number): string {
  if (share === 1) return "100 %";
  const digits = share > 0.99 ? 3 : 1;
  return `${(Math.floor(share * 100 * 10 ** digits) / 10 ** digits).toFixed(digits)} %`;
}

function nameOf(status: string): string {
  return NAMES[status] ?? status;
}

function labelOf(at: number, hours: number): string {
  const date = new Date(at);
  if (hours > 48) return date.toLocaleDateString([], { weekday: "short", day: "numeric" });
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

function wordsOf(stretches: readonly Stretch[], failure: string): string {
  if (failure !== "") return failure;
  const sums = new Map<string, number>();
  for (const one of stretches) sums.set(one.status, (sums.get(one.status) ?? 0) + (one.to - one.from) / 1000);
  return [...sums].map(([status, seconds]) => `${nameOf(status)} ${took(seconds)}`).join(", ") || "nothing known yet";
}
