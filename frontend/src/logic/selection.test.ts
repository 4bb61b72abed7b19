import { expect, test } from "vitest";
import type { Service } from "../api/types";
import { aService } from "../testing";
import { read, select, write } from "./selection";

function seen(service: Service, startedAt: number | null = 0) {
  return { service, startedAt };
}

const STACK = [
  seen(aService("web", { project: "shop", restart_count: 3 }), 300),
  seen(aService("db", { category: "infrastructure", status: "stopped", project: "shop" }), null),
  seen(aService("llm", { category: "ai", status: "starting", display_name: "Nemotron" }), 200),
  seen(aService("api", { project: "blog" }), 100),
];
const USUAL = read(new URLSearchParams());

function names(address: string): string[][] {
  return select(STACK, read(new URLSearchParams(address))).map((group) => group.members.map((one) => one.service.name));
}

test("the usual view has a plain address", () => {
  expect(write(USUAL).toString()).toBe("");
});

test("the address holds the whole view", () => {
  const chosen = { look: "table", group: "project", sort: "restarts", search: "a b", only: "trouble" } as const;
  expect(read(write(chosen))).toEqual(chosen);
});

test("an address that somebody mistyped shows the usual view", () => {
  expect(read(new URLSearchParams("view=pie&group=colour&sort="))).toEqual(USUAL);
});

test("services are grouped by category in the order of the start-up", () => {
  expect(select(STACK, USUAL).map((group) => group.title)).toEqual(["Infrastructure", "AI", "Applications"]);
  expect(names("")).toEqual([["db"], ["llm"], ["api", "web"]]);
});

test("grouped by project, those of none come last", () => {
  const groups = select(STACK, { ...USUAL, group: "project" });
  expect(groups.map((group) => group.title)).toEqual(["blog", "shop", "Of no project"]);
});

test.each([
  ["sort=name", ["api", "db", "llm", "web"]],
  ["sort=status", ["db", "llm", "api", "web"]],
  ["sort=age", ["web", "llm", "api", "db"]],
  ["sort=restarts", ["web", "api", "db", "llm"]],
])("%s orders them", (query, expected) => {
  expect(names(`group=none&${query}`)).toEqual([expected]);
});

test("a search finds every word in any of a service's names", () => {
  expect(names("group=none&search=NEMO")).toEqual([["llm"]]);
  expect(names("group=none&search=shop demo/web")).toEqual([["web"]]);
  expect(names("group=none&search=nothing")).toEqual([]);
});

test("only what is not well", () => {
  expect(names("group=none&only=trouble")).toEqual([["db", "llm"]]);
  expect(names("group=none&only=stopped")).toEqual([["db"]]);
});
