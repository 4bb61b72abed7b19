// Incidents as they are served. Their list and their pages are /api/system/incidents.
export interface Cause {
  service: string;
  sentence: string;
  confidence: "certain" | "likely" | "possible";
  rule: string;
  remedy: string;
}

export interface Member {
  service: string;
  role: "root" | "dependent";
  status: string;
  joined_at: string;
  left_at: string | null;
}

export interface IncidentSummary {
  id: number;
  status: "open" | "closed";
  severity: "warning" | "critical";
  title: string;
  cause: Cause;
  members: Member[];
  opened_at: string;
  acted_at: string | null;
  recovered_at: string | null;
  closed_at: string | null;
  seconds_to_detect: number | null;
  seconds_to_act: number | null;
  seconds_to_recover: number | null;
}

export interface Step {
  at: string;
  kind: string;
  service: string;
  text: string;
}

export interface Incident extends IncidentSummary {
  timeline: Step[];
  evidence: Record<string, unknown>[];
}
