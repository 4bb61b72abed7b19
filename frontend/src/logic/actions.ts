// What a person may ask for, when it makes sense, and what it means for the others.
import type { Edge, Service } from "../api/types";
import { dependentsOf } from "./edges";

export type Verb = "restart" | "start" | "stop" | "enable" | "disable" | "hold" | "release";

interface Look {
  name: string;
  /** What is done, for the question. */
  does: string;
  grave: boolean;
}

export const VERBS: Readonly<Record<Verb, Look>> = {
  restart: { name: "Restart", does: "Its container is stopped and started again, and its check has to pass.", grave: true },
  start: { name: "Start", does: "Its container is started, and its check has to pass.", grave: false },
  stop: { name: "Stop", does: "Its container is stopped and kept stopped until somebody starts it.", grave: true },
  enable: { name: "Enable", does: "It is healed automatically again; its failures are forgotten.", grave: false },
  disable: { name: "Disable", does: "It is watched and shown, and nothing is done for it any more.", grave: true },
  hold: { name: "Hold", does: "Nothing is done for it until the hold ends, by itself or by you.", grave: false },
  release: { name: "Release", does: "The hold ends now, and it is healed again.", grave: false },
};

/** Those that make sense as things stand, the likeliest first. */
export function verbsFor(service: Service): Verb[] {
  if (service.status === "disabled") return ["enable"];
  const held: Verb = service.held_until === null ? "hold" : "release";
  if (service.status === "not_found") return ["disable", held];
  const up = service.container_state === "running" || service.status === "running" || service.status === "starting";
  return up ? ["restart", "stop", "disable", held] : ["start", "disable", held];
}

/** Whom it concerns besides: those that need it to run, and those that only wait for it at their start. */
export function concerned(name: string, edges: readonly Edge[]): { hard: string[]; soft: string[] } {
  const hard = dependentsOf(name, edges);
  const soft = edges.filter((edge) => edge.to === name && edge.kind === "soft" && !hard.has(edge.from));
  return { hard: [...hard].sort(), soft: soft.map((edge) => edge.from).sort() };
}

/** Commands whose outcome is waited for. */
export function isSlow(verb: Verb): boolean {
  return verb === "restart" || verb === "start" || verb === "stop";
}

export function addressOf(name: string, verb: Verb, wish: { resetFailures?: boolean; length?: string; why?: string }): string {
  const query = new URLSearchParams();
  if (isSlow(verb)) query.set("wait", "true");
  if (verb === "restart" && wish.resetFailures === true) query.set("reset_failures", "true");
  if (verb === "hold" && wish.length) query.set("for", wish.length);
  if (verb === "hold" && wish.why) query.set("why", wish.why);
  const words = query.toString();
  return `/api/system/services/${encodeURIComponent(name)}/${verb}${words === "" ? "" : `?${words}`}`;
}
