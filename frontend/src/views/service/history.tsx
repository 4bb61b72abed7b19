// The statuses of the last hours as a bar.
import { useState } from "preact/hooks";
import { STATUS_WORDS } from "../../logic/condition";
import { moment, took } from "../../logic/time";
import { type Segment, type Stretch, stretchesOf, ticksOf } from "../../logic/timeline";
import { useAnswer } from "../../parts/answer";
import { now, services } from "../../store";

const SPANS = [1, 6, 24, 168] as const;
const HOUR = 3_600_000;

export function History({ name }: { name: string }) {
  const [hours, setHours] = useState<number>(24);
  const status = services.value.get(name)?.service.status ?? "";
  const { value, failure } = useAnswer<{ segments: Segment[] }>(
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
        {ticksOf(start, end).map((at) => (
          <span key={at} style={{ left: `${((at - start) / (end - start)) * 100}%` }}>
            {labelOf(at, hours)}
          </span>
        ))}
      </div>
      {failure !== "" && <p class="quiet">{failure}</p>}
    </section>
  );
}

/** What is now was told a moment ago, and still is. */
function lengthened(segments: readonly Segment[], end: number): Segment[] {
  const last = segments[segments.length - 1];
  if (last === undefined || end - Date.parse(last.to) > 60_000) return [...segments];
  return [...segments.slice(0, -1), { ...last, to: new Date(end).toISOString() }];
}

function nameOf(status: string): string {
  return (STATUS_WORDS as Readonly<Record<string, string>>)[status] ?? "not known: we did not see";
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
