// What the page knows, as signals, and who feeds them: the stream, the clock, the session.
import { computed, signal } from "@preact/signals";
import { ask, onLocked, Refused } from "./api/client";
import type { IncidentList, Latency, Session } from "./api/types";
import { type Connection, Stream } from "./live/connection";
import { NOTHING, type State, take } from "./live/state";

export const state = signal<State>(NOTHING);
export const connection = signal<Connection>({ phase: "connecting" });
export const session = signal<Session | null>(null);
/** A token is asked for, and there is no session. */
export const locked = signal(false);
/** Milliseconds by the server's clock, ticking once a second. */
export const now = signal(Date.now());
/** The newest latencies of every service, oldest first. */
export const latencies = signal<Readonly<Record<string, readonly (number | null)[]>>>({});

export const services = computed(() => state.value.services);
export const mayChange = computed(() => session.value?.may_change ?? false);
export const engineReachable = computed(() => state.value.system?.engine.reachable ?? true);
export const openIncidents = computed(() => [...state.value.incidents.values()].filter((one) => one.status === "open"));

const LATENCIES_EVERY = 10_000;

/** How far the server's clock is ahead of the browser's. */
let ahead = 0;
let stream: Stream | null = null;

export function start(): void {
  onLocked(lock);
  setInterval(tick, 1000);
  setInterval(() => void readLatencies(), LATENCIES_EVERY);
  addEventListener("online", () => stream?.retry());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    tick();
    stream?.retry();
    void readLatencies();
  });
  void enter();
}

/** Who are we, and what may we do? Then the stream is followed. */
export async function enter(): Promise<void> {
  try {
    session.value = await ask<Session>("/api/system/session");
  } catch (error) {
    if (!(error instanceof Refused)) setTimeout(() => void enter(), 2000);
    return;
  }
  locked.value = false;
  if (stream === null) follow();
  void readLatencies();
  void readIncidents();
}

export async function logIn(token: string): Promise<void> {
  await ask<Session>("/api/system/login", { method: "POST", token });
  await enter();
}

export async function logOut(): Promise<void> {
  await ask("/api/system/logout", { method: "POST" });
  lock();
}

export function retryNow(): void {
  stream?.retry();
}

function lock(): void {
  locked.value = true;
  session.value = null;
  stream?.end();
  stream = null;
  state.value = NOTHING;
  latencies.value = {};
}

function follow(): void {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  stream = new Stream(`${scheme}://${location.host}/ws/events`, {
    since: () => state.value.sequence,
    onMessages: (messages) => {
      const before = state.value;
      state.value = take(before, messages);
      const snapshot = messages.find((one) => one.type === "snapshot");
      if (snapshot === undefined) return;
      ahead = clockDifference(Date.parse(snapshot.timestamp));
      tick();
      if (before.known) void readIncidents();
    },
    onChange: (changed) => {
      connection.value = changed;
    },
    // refused, or nobody there: the session's answer tells which
    onRefused: () => void ask<Session>("/api/system/session").catch(() => undefined),
  });
  stream.open();
}

/** A difference that people would not see may as well be the time that the message took. */
function clockDifference(told: number): number {
  const difference = told - Date.now();
  return Math.abs(difference) > 2000 ? difference : 0;
}

function tick(): void {
  now.value = Date.now() + ahead;
}

async function readLatencies(): Promise<void> {
  if (session.value === null || document.visibilityState !== "visible") return;
  try {
    latencies.value = (await ask<Latency>("/api/system/latency?samples=30")).services;
  } catch (error) {
    // the socket of a machine that went to sleep does not know that nobody is there any more
    if (!(error instanceof Refused)) stream?.drop();
  }
}

async function readIncidents(): Promise<void> {
  try {
    const { incidents } = await ask<IncidentList>("/api/system/incidents?limit=50");
    const known = new Map(state.value.incidents);
    for (const one of incidents) known.set(one.id, one);
    state.value = { ...state.value, incidents: known };
  } catch {
    // told again with the next snapshot
  }
}
