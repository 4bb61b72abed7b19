// What the API answers, by the names that the page uses. schema.ts is made from the OpenAPI document.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Service = Schemas["Service"];
export type Status = Schemas["Status"];
export type Category = Schemas["Category"];
export type Health = Schemas["Health"];
export type Engine = Schemas["Engine"];
export type Store = Schemas["Store"];
export type FullHealth = Schemas["FullHealth"];
export type Overall = FullHealth["status"];
export type Graph = Schemas["Graph"];
export type Edge = Schemas["Edge"];
export type Explanation = Schemas["Explanation"];
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

export interface LogLine {
  stream: "stdout" | "stderr";
  timestamp: string | null;
  line: string;
}
