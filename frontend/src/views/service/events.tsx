// What happened to it, newest first: what is stored, and live what comes.
import { useEffect, useState } from "preact/hooks";
import { ask, wordsOf } from "../../api/client";
import type { EventList, HealthEvent } from "../../api/types";
import { Empty, Failure } from "../../parts/empty";
import { Moment } from "../../parts/time";
import { connection, state } from "../../store";

const PAGE = 50;

export function Events({ name }: { name: string }) {
  const [kept, setKept] = useState<HealthEvent[] | null>(null);
  const [before, setBefore] = useState<number | null>(null);
  const [failure, setFailure] = useState("");

  function read(from: number | null) {
    const query = new URLSearchParams({ limit: String(PAGE), service: name });
    if (from !== null) query.set("before", String(from));
    ask<EventList>(`/api/system/health/events?${query}`)
      .then((answer) => {
        setKept((earlier) => (from === null ? answer.events : [...(earlier ?? []), ...answer.events]));
        setBefore(answer.next_before);
        setFailure("");
      })
      .catch((error: unknown) => setFailure(wordsOf(error)));
  }
  const open = connection.value.phase === "open";
  useEffect(() => {
    if (open) read(null);
  }, [name, open]);

  const newest = kept?.[0]?.sequence ?? 0;
  const fresh = state.value.events.filter((one) => one.data["name"] === name && one.sequence > newest);
  const all = [...fresh, ...(kept ?? [])];
  if (failure !== "" && all.length === 0) return <Failure words={failure} />;
  if (kept !== null && all.length === 0) return <Empty title="Nothing has happened to it yet" />;
  return (
    <>
      <ol class="events">
        {all.map((event) => (
          <EventLine key={event.sequence} event={event} />
        ))}
      </ol>
      {before !== null && (
        <button type="button" onClick={() => read(before)}>
          Older ones
        </button>
      )}
    </>
  );
}

function EventLine({ event }: { event: HealthEvent }) {
  const request = event.type === "request";
  const status = typeof event.data["status"] === "string" ? event.data["status"] : "";
  const cause = request ? `${text(event.data["verb"])} by ${text(event.data["actor"])}. ${text(event.data["detail"])}` : event.cause;
  return (
    <li class={`event stretch-${status}`}>
      <Moment at={event.timestamp} />
      <span class="event-what">{event.message}</span>
      <span class="event-cause">{cause}</span>
    </li>
  );
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
