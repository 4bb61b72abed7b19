import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { HealthEvent } from "../api/types";
import { aService } from "../testing";
import { type Connection, Stream, waitAfter } from "./connection";
import type { Message, Snapshot } from "./messages";
import { MOST_EVENTS, NOTHING, take } from "./state";

const NOON = "2024-01-15T12:00:00.000Z";

function snapshot(sequence: number, otherwise: Partial<Snapshot> = {}): Snapshot {
  const engine = { endpoint: "", reachable: true, kind: "podman", version: "4", api_version: "1", detail: "", since: NOON };
  const store = { location: "", healthy: true, detail: "", pending_writes: 0 };
  const data = { services: [aService("db"), aService("web")], status: "healthy", engine, store, restarts_paused: "", version: "1" } as const;
  return { type: "snapshot", data: { ...data, services: [...data.services] }, sequence, timestamp: NOON, resumed: false, ...otherwise };
}

function event(sequence: number): HealthEvent & { type: "service_status" } {
  return { type: "service_status", data: { name: "db" }, message: "Service recovered", cause: "", timestamp: NOON, sequence };
}

test("a snapshot replaces what was known of the services", () => {
  const before = take(NOTHING, [snapshot(3)]);
  const after = take(before, [snapshot(5, { data: { ...snapshot(5).data, services: [aService("db")] } })]);
  expect([...after.services.keys()]).toEqual(["db"]);
  expect(after.known).toBe(true);
});

test("an age ticks on from the moment at which it was told", () => {
  const { services } = take(NOTHING, [snapshot(3)]);
  expect(services.get("db")?.startedAt).toBe(Date.parse(NOON) - 60_000);
});

test("a service's newest level counts, and one that is gone is gone", () => {
  const ill = { type: "service", data: aService("db", { status: "unhealthy" }), timestamp: NOON } as const;
  const after = take(take(NOTHING, [snapshot(3)]), [ill, { type: "service_gone", data: { name: "web" }, timestamp: NOON }]);
  expect(after.services.get("db")?.service.status).toBe("unhealthy");
  expect(after.services.has("web")).toBe(false);
});

test("what did not change is the very same, so that its card is not drawn anew", () => {
  const before = take(NOTHING, [snapshot(3)]);
  const after = take(before, [{ type: "service", data: aService("db", { status: "stopped" }), timestamp: NOON }]);
  expect(after.services.get("web")).toBe(before.services.get("web"));
});

test("events are taken in once and in order, the newest first", () => {
  const after = take(take(NOTHING, [snapshot(3)]), [event(4), event(5), event(5), event(4)]);
  expect(after.events.map((one) => one.sequence)).toEqual([5, 4]);
  expect(after.sequence).toBe(5);
});

test("a resumed snapshot does not skip the events that follow it", () => {
  const before = take(take(NOTHING, [snapshot(3)]), [event(4)]);
  const after = take(before, [snapshot(6, { resumed: true }), event(5), event(6)]);
  expect(after.events.map((one) => one.sequence)).toEqual([6, 5, 4]);
  expect(after.missed).toBe(false);
});

test("a snapshot that could not be resumed says that something was missed, and goes on from its number", () => {
  const before = take(NOTHING, [snapshot(3)]);
  const after = take(before, [snapshot(9000, { missed: true })]);
  expect([after.missed, after.sequence]).toEqual([true, 9000]);
});

test("another version of the orchestrator is noticed, and not forgotten", () => {
  const before = take(NOTHING, [snapshot(3)]);
  expect(before.upgraded).toBe(false);
  const other = { ...snapshot(4).data, version: "2" };
  const after = take(before, [snapshot(4, { data: other }), snapshot(5, { data: other })]);
  expect(after.upgraded).toBe(true);
});

test("events are kept within bounds", () => {
  const many = Array.from({ length: MOST_EVENTS + 50 }, (_, index) => event(index + 10));
  expect(take(take(NOTHING, [snapshot(3)]), many).events).toHaveLength(MOST_EVENTS);
});

test("a message of a newer server changes nothing", () => {
  const before = take(NOTHING, [snapshot(3)]);
  expect(take(before, [{ type: "weather", timestamp: NOON } as unknown as Message])).toBe(before);
});

// --- the connection ---

class FakeSocket {
  static made: FakeSocket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(readonly address: string) {
    FakeSocket.made.push(this);
  }
  close() {
    this.onclose?.();
  }
}

function follow(since: () => number | null) {
  const heard: Connection[] = [];
  const messages: Message[][] = [];
  const refused = vi.fn();
  const stream = new Stream("ws://here/ws/events", {
    since,
    onChange: (connection) => heard.push(connection),
    onMessages: (batch) => messages.push([...batch]),
    onRefused: refused,
  });
  stream.open();
  return { stream, heard, messages, refused, socket: () => FakeSocket.made[FakeSocket.made.length - 1] as FakeSocket };
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.made = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("the first connection asks for everything, each further one for what came since", () => {
  let newest: number | null = null;
  const { socket } = follow(() => newest);
  expect(socket().address).toBe("ws://here/ws/events");
  socket().onopen?.();
  newest = 42;
  socket().close();
  vi.advanceTimersByTime(waitAfter(0));
  expect(socket().address).toBe("ws://here/ws/events?since=42");
});

test("it tells since when it is lost, and tries again with growing waits", () => {
  const { heard, socket, refused } = follow(() => null);
  socket().onopen?.();
  const lostAt = Date.now();
  for (let failures = 0; failures < 4; failures += 1) {
    socket().close();
    expect(heard[heard.length - 1]).toEqual({ phase: "lost", since: lostAt, retryAt: Date.now() + waitAfter(failures) });
    vi.advanceTimersByTime(waitAfter(failures));
  }
  expect(refused).toHaveBeenCalledTimes(3);
  expect(waitAfter(100)).toBe(10_000);
});

test("it can be asked to try at once, and a success forgets the failures", () => {
  const { stream, heard, socket } = follow(() => null);
  socket().close();
  stream.retry();
  expect(FakeSocket.made).toHaveLength(2);
  socket().onopen?.();
  expect(heard[heard.length - 1]).toEqual({ phase: "open" });
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.made).toHaveLength(2);
});

test("one that neither opens nor fails is given up", () => {
  const { heard } = follow(() => null);
  vi.advanceTimersByTime(8_000);
  expect(heard[heard.length - 1]?.phase).toBe("lost");
});

test("messages of one moment are handed over together", () => {
  const { messages, socket } = follow(() => null);
  socket().onopen?.();
  for (const sequence of [1, 2, 3]) socket().onmessage?.({ data: JSON.stringify(event(sequence)) });
  vi.advanceTimersByTime(20);
  expect(messages.map((batch) => batch.length)).toEqual([3]);
});

test("what was ended does not come back", () => {
  const { stream } = follow(() => null);
  stream.end();
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.made).toHaveLength(1);
});
