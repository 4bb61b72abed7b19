// How a service is doing, in the few words that the whole page sorts, counts and colours by.
import type { Service, Status } from "../api/types";

export type Condition = "failing" | "waiting" | "starting" | "disabled" | "resting" | "well";

/** From what needs eyes first to what needs none. */
export const CONDITIONS: readonly Condition[] = ["failing", "waiting", "starting", "disabled", "resting", "well"];

export function conditionOf(service: Service): Condition {
  if (service.at_rest) return "resting";
  switch (service.status) {
    case "running":
      return "well";
    case "starting":
      return "starting";
    case "disabled":
      return "disabled";
    case "unhealthy":
    case "stopped":
    case "not_found":
      return service.waiting_on.length > 0 ? "waiting" : "failing";
  }
}

export const STATUS_WORDS: Readonly<Record<Status, string>> = {
  running: "running",
  starting: "starting",
  unhealthy: "unhealthy",
  stopped: "stopped",
  disabled: "disabled",
  not_found: "not found",
};

/** What a person reads for the status, with why it does not count where it does not. */
export function statusWords(service: Pick<Service, "status" | "at_rest">): string {
  return service.at_rest ? `${STATUS_WORDS[service.status]}, at rest` : STATUS_WORDS[service.status];
}
