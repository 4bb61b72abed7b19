// A status as a shape and a colour: each can be told from the others by either.
import type { Status } from "../api/types";
import { STATUS_WORDS } from "../logic/condition";

const SHAPES: Readonly<Record<Status, preact.JSX.Element>> = {
  running: <circle cx="8" cy="8" r="5.5" />,
  starting: (
    <>
      <circle class="open" cx="8" cy="8" r="5" />
      <path d="M8 3a5 5 0 0 1 0 10z" />
    </>
  ),
  unhealthy: <path d="M8 1.8 15 14H1z" />,
  stopped: <rect x="2.5" y="2.5" width="11" height="11" rx="1" />,
  disabled: (
    <>
      <circle class="open" cx="8" cy="8" r="5.2" />
      <path class="open" d="M4.4 11.6 11.6 4.4" />
    </>
  ),
  not_found: <circle class="open dashed" cx="8" cy="8" r="5.2" />,
};

export function toneOf(service: { status: Status; at_rest?: boolean }): string {
  return service.at_rest ? "rest" : service.status;
}

export function Mark({ status, atRest = false }: { status: Status; atRest?: boolean }) {
  return (
    <svg class={`mark tone-${atRest ? "rest" : status}`} viewBox="0 0 16 16" aria-hidden="true">
      {SHAPES[status]}
    </svg>
  );
}

export function StatusWord({ status, atRest = false }: { status: Status; atRest?: boolean }) {
  return (
    <span class={`word tone-${atRest ? "rest" : status}`}>
      <Mark status={status} atRest={atRest} />
      {STATUS_WORDS[status]}
      {atRest && <span class="quiet">, at rest</span>}
    </span>
  );
}
