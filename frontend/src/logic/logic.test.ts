import { expect, test } from "vitest";
import { aService } from "../testing";
import { addressOf, concerned, verbsFor } from "./actions";
import { keep, matching, MOST_LINES, pieces, Splitter } from "./lines";
import { sparkOf, WIDTH } from "./spark";
import { countdown, latency, span, took } from "./time";
import { stretchesOf, ticksOf } from "./timeline";

test.each([[0, "0s"], [119_000, "119s"], [120_000, "2m"], [7_200_000, "2h"], [200_000_000, "2d"], [-5_000, "0s"]])(
  "an age of %d ms reads %s",
  (milliseconds, words) => expect(span(milliseconds)).toBe(words),
);

test.each([[2.44, "2.4 s"], [42, "42 s"], [60, "1 min"], [185, "3 min 5 s"], [3840, "1 h 4 min"], [180_000, "2 d 2 h"]])(
  "%d seconds read %s",
  (seconds, words) => expect(took(seconds)).toBe(words),
);

test("a countdown ends at now and is never negative", () => {
  expect(countdown(5_000, 1_000)).toBe("in 4s");
  expect(countdown(1_500, 1_000)).toBe("now");
  expect(countdown(0, 9_000)).toBe("now");
});

test("a latency reads with as many digits as matter", () => {
  expect([2.345, 42.4, 1234].map(latency)).toEqual(["2.3 ms", "42 ms", "1.2 s"]);
});

test("a sparkline ends at the right and shows what was not answered as a gap", () => {
  const { line, gaps } = sparkOf([1, null, 2]);
  expect(line.match(/M/g)).toHaveLength(2);
  expect(gaps).toHaveLength(1);
  expect(line).toContain(`M${WIDTH} 2`);
  expect(sparkOf([])).toEqual({ line: "", gaps: [] });
});

const HOUR = 3_600_000;
const at = (hours: number) => new Date(hours * HOUR).toISOString();

test("a bar is cut to its window, and neighbours of one status are one stretch", () => {
  const segments = [
    { status: "running", from: at(0), to: at(2) },
    { status: "running", from: at(2), to: at(3) },
    { status: "stopped", from: at(3), to: at(9) },
  ];
  const found = stretchesOf(segments, HOUR, 5 * HOUR);
  expect(found.map((one) => [one.status, one.left, one.width])).toEqual([["running", 0, 0.5], ["stopped", 0.5, 0.5]]);
});

test("what was not seen is a gap in the bar", () => {
  const segments = [
    { status: "running", from: at(0), to: at(1) },
    { status: "running", from: at(2), to: at(4) },
  ];
  expect(stretchesOf(segments, 0, 4 * HOUR).map((one) => one.left)).toEqual([0, 0.5]);
});

test.each([1, 6, 24, 168])("a window of %d hours has a readable number of ticks, all in it", (hours) => {
  const ticks = ticksOf(1_000_000, 1_000_000 + hours * HOUR);
  expect(ticks.length).toBeGreaterThan(2);
  expect(ticks.length).toBeLessThan(10);
  expect(ticks.every((tick) => tick >= 1_000_000 && tick < 1_000_000 + hours * HOUR)).toBe(true);
});

const line = (text: string) => ({ stream: "stdout", timestamp: null, line: text }) as const;

test("lines are whole however the stream is cut", () => {
  const splitter = new Splitter();
  const text = ["one", "tw\u00f6"].map((words) => `${JSON.stringify(line(words))}\n`).join("");
  const found = [...text].flatMap((letter) => splitter.take(letter));
  expect(found.map((one) => one.line)).toEqual(["one", "tw\u00f6"]);
});

test("the oldest lines are let go", () => {
  const many = Array.from({ length: MOST_LINES }, (_, index) => line(String(index)));
  const kept = keep(many, [line("last")]);
  expect(kept).toHaveLength(MOST_LINES);
  expect([kept[0]?.line, kept[MOST_LINES - 1]?.line]).toEqual(["1", "last"]);
});

test("a search finds words whatever their case and shows where they are", () => {
  expect(matching([line("An Error"), line("fine")], "error").map((one) => one.line)).toEqual(["An Error"]);
  expect(pieces("error, Error!", "error")).toEqual(["", "error", ", ", "Error", "!"]);
  expect(pieces("all", "")).toEqual(["all"]);
});

test("only what makes sense is offered", () => {
  expect(verbsFor(aService("db"))).toEqual(["restart", "stop", "disable", "hold"]);
  expect(verbsFor(aService("db", { status: "stopped", container_state: "exited" }))[0]).toBe("start");
  expect(verbsFor(aService("db", { status: "disabled" }))).toEqual(["enable"]);
  expect(verbsFor(aService("db", { held_until: at(1) }))).toContain("release");
});

test("the question tells who depends on it, at any distance, and who can do without", () => {
  const edges = [
    { from: "web", to: "api", kind: "hard", origin: "compose" },
    { from: "api", to: "db", kind: "hard", origin: "compose" },
    { from: "report", to: "db", kind: "soft", origin: "label" },
  ] as const;
  expect(concerned("db", [...edges])).toEqual({ hard: ["api", "web"], soft: ["report"] });
});

test("what is asked for is in the address, whatever it is called", () => {
  expect(addressOf("a/b", "restart", { resetFailures: true })).toBe("/api/system/services/a%2Fb/restart?wait=true&reset_failures=true");
  expect(addressOf("db", "hold", { length: "1h", why: "moving house" })).toBe("/api/system/services/db/hold?for=1h&why=moving+house");
  expect(addressOf("db", "enable", {})).toBe("/api/system/services/db/enable");
});
