// What went wrong and was mended: the list, and the story of one.
import { useState } from "preact/hooks";
import type { Cause, Incident, IncidentList, IncidentSummary, Step } from "../api/types";
import { partsOf } from "../logic/evidence";
import { took } from "../logic/time";
import { useAnswer } from "../parts/answer";
import { Empty, Failure, Loading } from "../parts/empty";
import { Age, Moment } from "../parts/time";
import { serviceAddress } from "../router";
import { now, state } from "../store";

const SHOWN = [
  ["", "All"],
  ["open", "Open"],
  ["closed", "Closed"],
] as const;

export function IncidentsView() {
  const [status, setStatus] = useState("");
  const query = status === "" ? "limit=100" : `limit=100&status=${status}`;
  const { value, failure } = useAnswer<IncidentList>(`/api/system/incidents?${query}`, state.value.incidents);
  return (
    <>
      <div class="page-head">
        <h1>Incidents</h1>
        <div class="segments" role="group" aria-label="Show">
          {SHOWN.map(([one, name]) => (
            <button type="button" key={one} aria-pressed={status === one} onClick={() => setStatus(one)}>
              {name}
            </button>
          ))}
        </div>
      </div>
      {value === null && (failure === "" ? <Loading /> : <Failure words={failure} />)}
      {value?.incidents.length === 0 && (
        <Empty title={status === "open" ? "Nothing is wrong now" : "No incident yet"}>
          <p>
            One begins at the first sign of trouble, gathers what shares its cause, and ends when all of it is stably
            healthy again.
          </p>
        </Empty>
      )}
      {value !== null && value.incidents.length > 0 && (
        <ul class="incidents">
          {value.incidents.map((one) => (
            <Row key={one.id} incident={one} />
          ))}
        </ul>
      )}
    </>
  );
}

function Row({ incident }: { incident: IncidentSummary }) {
  return (
    <li class={`incident is-${incident.status} severity-${incident.severity}`}>
      <Badge incident={incident} />
      <div class="incident-what">
        <a href={`/incidents/${incident.id}`}>{incident.title}</a>
        <p class="quiet">
          #{incident.id} · {incident.severity} · {members(incident)} · opened <Age at={incident.opened_at} suffix=" ago" />
        </p>
      </div>
      <p class="incident-took figure">{incident.seconds_to_recover === null ? "" : took(incident.seconds_to_recover)}</p>
    </li>
  );
}

function Badge({ incident }: { incident: IncidentSummary }) {
  if (incident.status === "closed") return <span class="badge badge-closed">closed</span>;
  if (incident.recovered_at !== null) return <span class="badge badge-recovered">recovered</span>;
  return <span class={`badge badge-${incident.severity}`}>open</span>;
}

function members({ members }: IncidentSummary): string {
  return members.length === 1 ? "1 service" : `${members.length} services`;
}

export function IncidentView({ id }: { id: number }) {
  const { value, failure } = useAnswer<Incident>(`/api/system/incidents/${id}`, state.value.incidents.get(id));
  if (value === null) return failure === "" ? <Loading /> : <Failure words={failure} />;
  return (
    <article class={`story is-${value.status} severity-${value.severity}`}>
      <p class="crumb">
        <a href="/incidents">Incidents</a> <span class="quiet">#{value.id}</span>
      </p>
      <div class="page-head">
        <h1>{value.title}</h1>
        <Badge incident={value} />
      </div>
      {value.merged_into !== null && (
        <p>
          It turned out to be part of <a href={`/incidents/${value.merged_into}`}>incident {value.merged_into}</a>.
        </p>
      )}
      <Figures incident={value} />
      <CauseOf cause={value.cause} />
      <section>
        <h2>Services</h2>
        <ul class="members">
          {value.members.map((one) => (
            <li key={one.service}>
              <a href={serviceAddress(one.service)}>{one.service}</a>
              <span class="tag">{one.role === "root" ? "cause" : "dependent"}</span>
              <span class="quiet">
                {one.status.replace("_", " ")}, since <Moment at={one.joined_at} />
                {one.left_at !== null && (
                  <>
                    {" "}
                    to <Moment at={one.left_at} />
                  </>
                )}
              </span>
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h2>What happened</h2>
        <ol class="steps">
          {value.timeline.map((step, index) => (
            <StepLine key={index} step={step} />
          ))}
          {value.omitted > 0 && <li class="step quiet">{value.omitted} lines in between were left out.</li>}
        </ol>
      </section>
      {value.evidence.length > 0 && (
        <section>
          <h2>Evidence</h2>
          {value.evidence.map((one, index) => (
            <EvidenceOf key={index} evidence={one} />
          ))}
        </section>
      )}
    </article>
  );
}

function Figures({ incident }: { incident: Incident }) {
  const figures = [
    ["to detect", incident.seconds_to_detect],
    ["to act", incident.seconds_to_act],
    ["to recover", incident.seconds_to_recover],
  ] as const;
  return (
    <dl class="figures">
      {figures.map(([name, seconds]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="figure">{seconds === null ? "–" : took(seconds)}</dd>
        </div>
      ))}
      <div>
        <dt>opened</dt>
        <dd>
          <Moment at={incident.opened_at} />
        </dd>
      </div>
      {incident.closed_at !== null && (
        <div>
          <dt>closed</dt>
          <dd>
            <Moment at={incident.closed_at} />
          </dd>
        </div>
      )}
    </dl>
  );
}

function CauseOf({ cause }: { cause: Cause }) {
  return (
    <section class="cause">
      <h2>Cause</h2>
      <p>
        <Named service={cause.service} text={cause.sentence} />{" "}
        <span class="tag">{cause.confidence}</span>
      </p>
      {cause.remedy !== "" && (
        <p>
          <strong>What to do:</strong> {cause.remedy}
        </p>
      )}
    </section>
  );
}

/** A sentence of a service, with its name as a link, once. */
function Named({ service, text }: { service: string; text: string }) {
  if (service === "") return <>{text}</>;
  const rest = text.startsWith(`${service} `) ? text.slice(service.length) : ` ${text}`;
  return (
    <>
      <a href={serviceAddress(service)}>{service}</a>
      {rest}
    </>
  );
}

function StepLine({ step }: { step: Step }) {
  return (
    <li class={`step step-${step.kind}${/ failed\b/.test(step.text) ? " step-failed" : ""}`}>
      <Moment at={step.at} />
      <span class="step-kind">{step.kind}</span>
      <span>
        <Named service={step.service} text={step.text} />
      </span>
    </li>
  );
}

function EvidenceOf({ evidence }: { evidence: Record<string, unknown> }) {
  const { service, taken_at: takenAt, fact } = evidence;
  return (
    <details class="evidence" open>
      <summary>
        {String(service ?? "host")}: {String(fact ?? "")}
        {typeof takenAt === "number" && (
          <span class="quiet">
            {" "}
            taken at <Moment at={new Date(takenAt * 1000).toISOString()} />
          </span>
        )}
      </summary>
      <dl>
        {partsOf(evidence, now.peek()).map(({ name, lines, raw }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{raw ? <pre class="output" tabIndex={0}>{lines.join("\n")}</pre> : lines.map((line, index) => <p key={index}>{line}</p>)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
