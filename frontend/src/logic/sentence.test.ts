import { expect, test } from "vitest";
import { aService } from "../testing";
import { sentenceOf } from "./sentence";

test("a quiet stack is one short sentence", () => {
  const services = [aService("db"), aService("web")];
  expect(sentenceOf(services, true)).toEqual({ text: "All 2 healthy", tone: "well" });
  expect(sentenceOf([aService("db")], true).text).toBe("The one service is healthy");
});

test("what is at rest is counted apart and is no trouble", () => {
  const job = aService("import", { status: "stopped", at_rest: true });
  expect(sentenceOf([aService("db"), aService("web"), job], true)).toEqual({ text: "All 2 healthy, 1 at rest", tone: "well" });
  expect(sentenceOf([job], true).text).toBe("Everything is at rest");
});

test("the cause is named and those that wait for it are counted", () => {
  const services = [
    aService("postgres", { status: "stopped" }),
    aService("backend", { status: "unhealthy", waiting_on: ["postgres"] }),
    aService("frontend", { status: "stopped", waiting_on: ["backend"] }),
    aService("redis"),
  ];
  expect(sentenceOf(services, true)).toEqual({ text: "Healing postgres, 2 waiting, 1 healthy", tone: "bad" });
});

test("without a failure it is said what is waited for", () => {
  const services = [
    aService("postgres", { status: "stopped", at_rest: true }),
    aService("backend", { status: "stopped", waiting_on: ["postgres"] }),
    aService("frontend", { status: "stopped", waiting_on: ["backend"] }),
  ];
  expect(sentenceOf(services, true).text).toBe("2 waiting for postgres, 1 at rest");
});

test("many that fail are two names and a number", () => {
  const services = ["a", "b", "c", "d"].map((name) => aService(name, { status: "unhealthy" }));
  expect(sentenceOf(services, true).text).toBe("Healing a, b and 2 more");
});

test("nothing is said to be healed for which nothing is done", () => {
  const held = aService("db", { status: "stopped", held: "by ann until noon" });
  const gone = aService("web", { status: "not_found" });
  expect(sentenceOf([held], true).text).toBe("Db is down and left alone");
  expect(sentenceOf([held, gone], true).text).toBe("Db and web are down and left alone");
});

test("starting alone is busy, not bad", () => {
  const services = [aService("db", { status: "starting" }), aService("web")];
  expect(sentenceOf(services, true)).toEqual({ text: "Starting db, 1 healthy", tone: "busy" });
});

test("a disabled service is no quiet stack", () => {
  const services = [aService("db", { status: "disabled" }), aService("web")];
  expect(sentenceOf(services, true)).toEqual({ text: "1 disabled, 1 healthy", tone: "bad" });
});

test("with the engine away nothing is claimed of now", () => {
  expect(sentenceOf([aService("db")], false)).toEqual({ text: "1 service, as last seen", tone: "unknown" });
  expect(sentenceOf([], false).tone).toBe("unknown");
  expect(sentenceOf([], true).text).toBe("No service yet");
});
