// Which services the overview shows, in what order and groups: all of it is in the address of the page.
import type { Service } from "../api/types";
import type { Seen } from "../live/state";
import { CONDITIONS, conditionOf } from "./condition";

export type Look = "cards" | "table";
export type Grouping = "category" | "project" | "none";
export type Order = "name" | "status" | "age" | "restarts";

export interface Selection {
  look: Look;
  group: Grouping;
  sort: Order;
  /** Words that a service's names have to hold, all of them. */
  search: string;
  /** "" shows all, "trouble" what is not well, else one status. */
  only: string;
}

const LOOKS: readonly Look[] = ["cards", "table"];
const GROUPINGS: readonly Grouping[] = ["category", "project", "none"];
const ORDERS: readonly Order[] = ["name", "status", "age", "restarts"];

export const CATEGORIES = ["infrastructure", "ai", "application", "monitoring"] as const;
const CATEGORY_WORDS: Readonly<Record<string, string>> = {
  infrastructure: "Infrastructure",
  ai: "AI",
  application: "Applications",
  monitoring: "Monitoring",
};

export function read(query: URLSearchParams): Selection {
  return {
    look: oneOf(LOOKS, query.get("view")),
    group: oneOf(GROUPINGS, query.get("group")),
    sort: oneOf(ORDERS, query.get("sort")),
    search: query.get("search") ?? "",
    only: query.get("only") ?? "",
  };
}

/** What differs from the usual, so that the usual view has a plain address. */
export function write(selection: Selection): URLSearchParams {
  const query = new URLSearchParams();
  if (selection.look !== LOOKS[0]) query.set("view", selection.look);
  if (selection.group !== GROUPINGS[0]) query.set("group", selection.group);
  if (selection.sort !== ORDERS[0]) query.set("sort", selection.sort);
  if (selection.search !== "") query.set("search", selection.search);
  if (selection.only !== "") query.set("only", selection.only);
  return query;
}

function oneOf<Word extends string>(words: readonly Word[], given: string | null): Word {
  return words.find((word) => word === given) ?? (words[0] as Word);
}

export interface Group {
  title: string;
  members: Seen[];
}

export function select(services: Iterable<Seen>, selection: Selection): Group[] {
  const words = selection.search.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = [...services].filter(({ service }) => fits(service, words, selection.only));
  shown.sort((one, other) => compare(one, other, selection.sort));
  const groups = new Map<string, Seen[]>();
  for (const one of shown) {
    const title = titleOf(one.service, selection.group);
    const members = groups.get(title);
    if (members === undefined) groups.set(title, [one]);
    else members.push(one);
  }
  return order([...groups].map(([title, members]) => ({ title, members })), selection.group);
}

function fits(service: Service, words: readonly string[], only: string): boolean {
  if (only === "trouble" && conditionOf(service) === "well") return false;
  if (only !== "" && only !== "trouble" && service.status !== only) return false;
  const text = [service.name, service.display_name, service.image, service.project, service.container_name].join(" ");
  const whole = text.toLowerCase();
  return words.every((word) => whole.includes(word));
}

function compare(one: Seen, other: Seen, by: Order): number {
  const byName = one.service.name.localeCompare(other.service.name);
  switch (by) {
    case "name":
      return byName;
    case "status":
      return rank(one.service) - rank(other.service) || byName;
    case "age":
      return (other.startedAt ?? 0) - (one.startedAt ?? 0) || byName;
    case "restarts":
      return other.service.restart_count - one.service.restart_count || byName;
  }
}

function rank(service: Service): number {
  return CONDITIONS.indexOf(conditionOf(service));
}

function titleOf(service: Service, grouping: Grouping): string {
  switch (grouping) {
    case "none":
      return "";
    case "project":
      return service.project ?? "";
    case "category":
      return CATEGORY_WORDS[service.category] ?? service.category;
  }
}

function order(groups: Group[], grouping: Grouping): Group[] {
  const places: string[] = CATEGORIES.map((category) => CATEGORY_WORDS[category] as string);
  if (grouping === "category") return groups.sort((a, b) => places.indexOf(a.title) - places.indexOf(b.title));
  groups.sort((a, b) => Number(a.title === "") - Number(b.title === "") || a.title.localeCompare(b.title));
  return groups.map((group) =>
    group.title === "" && grouping === "project" ? { ...group, title: "Of no project" } : group,
  );
}
