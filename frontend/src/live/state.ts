// All that is known of the stack, and how a message changes it. Pure: no clock, no socket, no page.
import type { HealthEvent, IncidentSummary, Service } from "../api/types";
import type { Message, Surroundings } from "./messages";

export const MOST_EVENTS = 200;

export interface State {
  /** The first snapshot has come. */
  readonly known: boolean;
  readonly services: ReadonlyMap<string, Seen>;
  readonly system: Surroundings | null;
  readonly version: string;
  /** The orchestrator is another version than the one that this page came from. */
  readonly upgraded: boolean;
  /** The newest event that was taken in: what a reconnect resumes after. */
  readonly sequence: number | null;
  /** Newest first. */
  readonly events: readonly HealthEvent[];
  readonly incidents: ReadonlyMap<number, IncidentSummary>;
  /** The server could not tell everything that happened while we were away. */
  readonly missed: boolean;
  /** Milliseconds, by the server's clock, of the newest message. */
  readonly toldAt: number;
}

/** A service as it was told, and when its run began: an age is told once and ticks on here. */
export interface Seen {
  readonly service: Service;
  readonly startedAt: number | null;
}

export const NOTHING: State = {
  known: false,
  services: new Map(),
  system: null,
  version: "",
  upgraded: false,
  sequence: null,
  events: [],
  incidents: new Map(),
  missed: false,
  toldAt: 0,
};

export function take(state: State, messages: readonly Message[]): State {
  return messages.reduce(taken, state);
}

function taken(state: State, message: Message): State {
  const toldAt = Math.max(state.toldAt, Date.parse(message.timestamp));
  switch (message.type) {
    case "snapshot": {
      const { services, version, ...system } = message.data;
      return {
        ...state,
        known: true,
        services: new Map(services.map((one) => [one.name, seen(one, message.timestamp)])),
        system,
        version,
        upgraded: state.upgraded || (state.known && state.version !== version),
        // what follows a resumed snapshot brings the number up to date, one by one
        sequence: message.resumed && state.sequence !== null ? state.sequence : message.sequence,
        missed: message.missed ?? false,
        toldAt,
      };
    }
    case "service": {
      const services = new Map(state.services).set(message.data.name, seen(message.data, message.timestamp));
      return { ...state, services, toldAt };
    }
    case "service_gone": {
      const services = new Map(state.services);
      services.delete(message.data.name);
      return { ...state, services, toldAt };
    }
    case "system":
      return { ...state, system: message.data, toldAt };
    case "incident":
      return { ...state, incidents: new Map(state.incidents).set(message.data.id, message.data), toldAt };
    case "service_status":
    case "host":
    case "request":
      if (state.sequence !== null && message.sequence <= state.sequence) return state;
      return {
        ...state,
        events: [message, ...state.events].slice(0, MOST_EVENTS),
        sequence: message.sequence,
        toldAt,
      };
    default:
      return state; // of a newer server
  }
}

function seen(service: Service, timestamp: string): Seen {
  const age = service.uptime_seconds;
  return { service, startedAt: age === null ? null : Date.parse(timestamp) - age * 1000 };
}
