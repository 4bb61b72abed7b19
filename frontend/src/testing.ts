// A service that does well; tests say what is otherwise.
import type { Service } from "./api/types";

export function aService(name: string, otherwise: Partial<Service> = {}): Service {
  return {
    name,
    display_name: name,
    category: "application",
    status: "running",
    enabled: true,
    container_id: "abc123def456",
    image: `demo/${name}`,
    port: 80,
    failure_count: 0,
    restart_count: 0,
    last_restart_at: null,
    uptime_seconds: 60,
    container_name: `demo-${name}-1`,
    container_state: "running",
    health: null,
    reason: "",
    strikes: 0,
    retry_at: null,
    waiting_on: [],
    degraded_by: [],
    requires: [],
    wants: [],
    problems: [],
    at_rest: false,
    held: "",
    held_until: null,
    project: null,
    observed: true,
    last_seen_at: null,
    ...otherwise,
  };
}
