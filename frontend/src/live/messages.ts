// What /ws/events sends: levels, which say how something is now, and numbered events, each once and in order.
import type { Engine, HealthEvent, IncidentSummary, Overall, Service, Store } from "../api/types";

export interface Surroundings {
  status: Overall;
  engine: Engine;
  store: Store;
  restarts_paused: string;
  dry_run?: boolean;
}

export interface Snapshot {
  type: "snapshot";
  data: Surroundings & { services: Service[]; version: string };
  sequence: number;
  timestamp: string;
  resumed: boolean;
  missed?: boolean;
}

export type Message =
  | Snapshot
  | { type: "service"; data: Service; timestamp: string }
  | { type: "service_gone"; data: { name: string }; timestamp: string }
  | { type: "system"; data: Surroundings; timestamp: string }
  | { type: "incident"; data: IncidentSummary; timestamp: string }
  | (HealthEvent & { type: "service_status" | "host" | "request" });
