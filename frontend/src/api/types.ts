// What the API answers, by the names that the page uses. schema.ts is made from the OpenAPI document.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Service = Schemas["Service"] & { observed?: boolean; last_seen_at?: string | null };
export type Status = Schemas["Status"];
export type Category = Schemas["Category"];
export type Health = Schemas["Health"];
export type Engine = Schemas["Engine"];
export type Store = Schemas["Store"];
export type FullHealth = Schemas["FullHealth"] & { own?: Own };
export type Overall = FullHealth["status"];
export type Graph = Schemas["Graph"];
export type Edge = Schemas["Edge"];
export type Explanation = Schemas["Explanation"] & { story?: Decision[] };
export type HealthEvent = Schemas["HealthEvent"];
export type EventList = Schemas["EventList"];
export type ActionAnswer = Schemas["ActionAnswer"];
export type Session = Schemas["Session"];
export type ServiceLatency = Schemas["ServiceLatency"];
export type Latency = Schemas["Latency"];
export type Settings = Schemas["Settings"];
export type Incident = Schemas["Incident"];
export type IncidentSummary = Schemas["IncidentSummary"];
export type IncidentList = Schemas["IncidentList"];
export type Cause = Schemas["Cause"];
export type Step = Schemas["orchestrator__api__routes__incidents__Entry"];
export type History = Schemas["History"];
export type Segment = Schemas["Segment"];
export type AvailabilityList = Schemas["AvailabilityList"];
export type Problem = Schemas["Problem"];

/** How the orchestrator itself keeps up. */
interface Own {
  loop_lag_seconds: number;
  worst_loop_lag_seconds: number;
  posts_waiting: number;
  stream_connected: boolean;
  stream_age_seconds: number | null;
  store_lag_seconds: number;
  strains: string[];
  dead_man: { address: string; last_ping_at: string | null; detail: string } | null;
}

/** One decision of the story: what was seen, and what was made of it. */
export interface Decision {
  at: string;
  status: Status;
  seen: string;
  decided: string;
  why: string;
  waiting: string;
}

export interface LogLine {
  stream: "stdout" | "stderr";
  timestamp: string | null;
  line: string;
}
