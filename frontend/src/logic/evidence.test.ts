import { expect, test } from "vitest";
import { partsOf } from "./evidence";

const NOON = Date.parse("2024-01-15T12:00:00Z");
const TAKEN = {
  service: "db",
  run: { container_id: "abc", started_at: 1 },
  taken_at: NOON / 1000,
  fact: "exited with code 137",
  exit_code: 137,
  error: "",
  log: { lines: [{ stream: "stderr", at: null, text: "out of room" }, { stream: "stdout", at: null, text: "bye" }], cut: true },
  health: [{ at: NOON / 1000, verdict: "fail", method: "http", detail: "HTTP 500" }],
  processes: { unread: "not asked in time" },
  usage: { memory: 536870912, memory_limit: null, processes: 3 },
  environment: [["PASSWORD", "***"], ["MODE", "fast"]],
  endings: [{ exit_code: 137, last_line: "bye" }],
  out_of_memory: { verdict: "yes", confidence: "likely", grounds: ["the kernel's counter rose"], limit: 536870912 },
  host: { load: 1.5, disk: { path: "/var", size: 1e10, free: 5e9 }, pressure: { unread: "this kernel does not tell" } },
};

function lines(name: string): string[] | undefined {
  return partsOf(TAKEN, NOON).find((part) => part.name === name)?.lines;
}

test("what a container wrote is shown as it is, and that some was left out", () => {
  expect(lines("log")).toEqual(["…", "! out of room", "  bye"]);
});

test("what could not be read says why", () => {
  expect(lines("processes")).toEqual(["not read: not asked in time"]);
  expect(lines("host")).toContain("pressure: not read: this kernel does not tell");
});

test("sizes read as people write them, and what holds nothing is left out", () => {
  expect(lines("usage")).toEqual(["memory: 512 MiB", "processes: 3"]);
  expect(lines("error")).toBeUndefined();
});

test("the verdict on memory tells how sure it is and why", () => {
  expect(lines("out of memory")).toEqual(["yes, likely: the kernel's counter rose"]);
});

test("variables are one a line", () => {
  expect(lines("environment, secrets masked")).toEqual(["PASSWORD=***", "MODE=fast"]);
});

test("what speaks most comes first, and a part of a newer server is shown too", () => {
  const names = partsOf({ ...TAKEN, weather: { wind: 3 } }, NOON).map((part) => part.name);
  expect(names.slice(0, 4)).toEqual(["exit code", "out of memory", "log", "last checks"]);
  expect(names).toContain("weather");
});
