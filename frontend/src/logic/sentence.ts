// The one honest sentence on top: what is wrong, what is done about it, and how much is well.
import type { Service } from "../api/types";
import { type Condition, conditionOf } from "./condition";

export interface Sentence {
  text: string;
  tone: "well" | "busy" | "bad" | "unknown";
}

const MOST_NAMED = 2;

export function sentenceOf(services: readonly Service[], engineReachable: boolean): Sentence {
  if (services.length === 0) {
    return { text: engineReachable ? "No service yet" : "Nothing seen yet: the engine is away", tone: "unknown" };
  }
  if (!engineReachable) return { text: `${count(services.length, "service")}, as last seen`, tone: "unknown" };
  const sorted = sort(services);
  const { failing, waiting, starting, disabled, resting, well } = sorted;
  const troubled = failing.length + waiting.length + disabled.length > 0;
  if (!troubled && starting.length === 0) {
    const awake = well.length;
    const all = awake === 0 ? "Everything is at rest" : awake === 1 ? "The one service is healthy" : `All ${awake} healthy`;
    return { text: resting.length > 0 && awake > 0 ? `${all}, ${resting.length} at rest` : all, tone: "well" };
  }
  const healing = failing.filter((one) => isHealed(one));
  const left = failing.filter((one) => !isHealed(one));
  const parts = [
    healing.length > 0 && `healing ${named(healing)}`,
    left.length > 0 && `${named(left)} ${left.length === 1 ? "is" : "are"} down and left alone`,
    waiting.length > 0 && (failing.length > 0 ? `${waiting.length} waiting` : `${waiting.length} waiting for ${roots(waiting)}`),
    starting.length > 0 && (troubled ? `${starting.length} starting` : `starting ${named(starting)}`),
    disabled.length > 0 && `${disabled.length} disabled`,
    resting.length > 0 && `${resting.length} at rest`,
    well.length > 0 && `${well.length} healthy`,
  ].filter((part) => part !== false);
  const text = parts.join(", ");
  return { text: text.charAt(0).toUpperCase() + text.slice(1), tone: troubled ? "bad" : "busy" };
}

/** Whether something is being done for it, or will be. */
function isHealed(service: Service): boolean {
  return service.held === "" && service.status !== "not_found";
}

export function sort(services: readonly Service[]): Record<Condition, Service[]> {
  const sorted: Record<Condition, Service[]> = {
    failing: [],
    waiting: [],
    starting: [],
    disabled: [],
    resting: [],
    well: [],
  };
  for (const service of services) sorted[conditionOf(service)].push(service);
  return sorted;
}

/** What they wait for and that waits for nothing itself. */
function roots(waiting: readonly Service[]): string {
  const known = new Set(waiting.map((one) => one.name));
  const awaited = new Set(waiting.flatMap((one) => one.waiting_on));
  return listed([...awaited].filter((name) => !known.has(name)).sort());
}

function named(services: readonly Service[]): string {
  return listed(services.map((one) => one.name));
}

function listed(all: readonly string[]): string {
  const names = all.slice(0, MOST_NAMED);
  const more = all.length - names.length;
  if (more > 0) return `${names.join(", ")} and ${more} more`;
  return names.join(" and ");
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`;
}
