// One service: how it is and why, what can be done about it, and everything that is known of it.
import type { Decision, Explanation, Service } from "../../api/types";
import { statusWords } from "../../logic/condition";
import { useAnswer } from "../../parts/answer";
import { Empty } from "../../parts/empty";
import { Mark, toneOf } from "../../parts/mark";
import { Age, Countdown, Moment } from "../../parts/time";
import { go, route, serviceAddress } from "../../router";
import { mayChange, openIncidents, services, state } from "../../store";
import { Actions } from "./actions";
import { Configuration } from "./configuration";
import { Events } from "./events";
import { History } from "./history";
import { Latency } from "./latency";
import { Logs } from "./logs";

const TABS = [
  ["events", "Events"],
  ["logs", "Logs"],
  ["configuration", "Configuration"],
] as const;
type Tab = (typeof TABS)[number][0];

export function ServiceView({ name }: { name: string }) {
  const seen = services.value.get(name);
  if (seen === undefined) {
    return (
      <Empty whole title={`No service is named ${name}`}>
        <p>It may have been renamed or removed. Its events are kept.</p>
        <a href="/">Go to the overview</a>
      </Empty>
    );
  }
  const { service, startedAt } = seen;
  return (
    <article class={`service tone-${toneOf(service)}`} data-service={name} data-status={service.status}>
      <header class="service-head">
        <Mark status={service.status} atRest={service.at_rest} />
        <div class="service-title">
          <h1>{service.display_name}</h1>
          <p class="quiet">
            {service.name !== service.display_name && <code>{service.name}</code>} {service.category}
            {service.project !== null && <> · project {service.project}</>}
          </p>
        </div>
        {mayChange.value && <Actions service={service} />}
      </header>
      <Why service={service} />
      <div class="service-body">
        <div class="service-main">
          <History name={name} />
          <Latency name={name} />
          <Tabs service={service} />
        </div>
        <Facts service={service} startedAt={startedAt} />
      </div>
    </article>
  );
}

/** The explanation in words, renewed with every event and every change of the service. */
function Why({ service }: { service: Service }) {
  const again = `${service.status} ${service.reason} ${service.retry_at} ${service.held_until} ${state.value.sequence}`;
  const { value } = useAnswer<Explanation>(`/api/system/services/${encodeURIComponent(service.name)}/explanation`, again);
  return (
    <section class="why" aria-label="Why">
      <p class="why-now">{value?.now ?? `${service.name} is ${statusWords(service)}`}</p>
      {service.observed === false && (
        <p class="why-next">
          It cannot be seen now
          {service.last_seen_at != null && (
            <>
              : this was known <Age at={service.last_seen_at} suffix=" ago" />
            </>
          )}
          .
        </p>
      )}
      {openIncidents.value
        .filter((one) => one.members.some((member) => member.service === service.name && member.left_at === null))
        .map((one) => (
          <p class="why-next" key={one.id}>
            Part of <a href={`/incidents/${one.id}`}>incident {one.id}</a>: {one.title}
            {one.recovered_at !== null && ", recovered and watched until it is stable"}
          </p>
        ))}
      {value?.next != null && (
        <p class="why-next">
          Next: <strong>{value.next.action}</strong>
          {value.next.at !== null && (
            <>
              {" "}
              <Countdown at={value.next.at} />
            </>
          )}
          {value.next.cause !== "" && <>, because: {value.next.cause}</>}
        </p>
      )}
      {value?.story !== undefined && value.story.length > 0 && <Story decisions={value.story} />}
      {service.problems.map((problem) => (
        <p class="why-problem" key={problem}>
          Configuration: {problem}
        </p>
      ))}
    </section>
  );
}

/** How it came to that: the decisions behind it, newest first. */
function Story({ decisions }: { decisions: readonly Decision[] }) {
  return (
    <details class="why-story">
      <summary>How it came to that</summary>
      <ol>
        {decisions.map((one) => (
          <li key={one.at + one.decided} class={`event stretch-${one.status}`}>
            <Moment at={one.at} />
            <span class="event-what">{one.decided}</span>
            <span class="event-cause">{[one.seen, one.waiting && `waits for ${one.waiting}`].filter(Boolean).join("; ")}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}

function Facts({ service, startedAt }: { service: Service; startedAt: number | null }) {
  const needed = [...services.value.values()].filter(
    ({ service: other }) => other.requires.includes(service.name) || other.wants.includes(service.name),
  );
  return (
    <aside class="facts" aria-label="Facts">
      <dl>
        <Fact name="Age of this run">
          <Age at={startedAt} />
        </Fact>
        <Fact name="Restarts">
          <span class="figure">{service.restart_count}</span>
          {service.last_restart_at !== null && (
            <span class="quiet">
              {" "}
              the last <Age at={service.last_restart_at} suffix=" ago" />
            </span>
          )}
        </Fact>
        <Fact name="Failures in a row">
          <span class="figure">{service.failure_count}</span>
          {service.strikes > 0 && <span class="quiet"> {service.strikes} strikes</span>}
        </Fact>
        <Fact name="Container">
          {service.container_name ?? <span class="quiet">none</span>}
          {service.container_state !== null && <span class="quiet"> {service.container_state}</span>}
        </Fact>
        <Fact name="Id">{service.container_id === null ? <span class="quiet">–</span> : <code>{service.container_id}</code>}</Fact>
        <Fact name="Image">{service.image ?? <span class="quiet">–</span>}</Fact>
        <Fact name="Port">{service.port === null ? <span class="quiet">–</span> : <span class="figure">{service.port}</span>}</Fact>
        {service.held !== "" && <Fact name="Held">{service.held}</Fact>}
      </dl>
      <LastCheck service={service} />
      <Related title="Needs" names={service.requires} />
      <Related title="Waits for at its start" names={service.wants} />
      <Related title="Needed by" names={needed.map((one) => one.service.name)} />
    </aside>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function LastCheck({ service: { health } }: { service: Service }) {
  return (
    <section class="last-check">
      <h2>Last check</h2>
      {health === null ? (
        <p class="quiet">It has not been asked yet.</p>
      ) : (
        <>
          <p>
            <span class={`verdict verdict-${health.verdict}`}>{health.verdict}</span> by {health.method}{" "}
            <span class="quiet">
              at <Moment at={health.checked_at} />
            </span>
          </p>
          {health.detail !== "" && <pre class="output" tabIndex={0}>{health.detail}</pre>}
        </>
      )}
    </section>
  );
}

function Related({ title, names }: { title: string; names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <section>
      <h2>{title}</h2>
      <ul class="chips">
        {names.map((name) => {
          const seen = services.value.get(name);
          return (
            <li key={name}>
              {seen === undefined ? (
                <span class="chip">{name}</span>
              ) : (
                <a class="chip" href={serviceAddress(name)}>
                  <Mark status={seen.service.status} atRest={seen.service.at_rest} /> {name}
                </a>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Tabs({ service }: { service: Service }) {
  const shown = TABS.find(([tab]) => tab === route.value.query.get("tab"))?.[0] ?? "events";

  function turn(event: KeyboardEvent) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    const place = TABS.findIndex(([tab]) => tab === shown);
    const next = TABS[(place + step + TABS.length) % TABS.length] as (typeof TABS)[number];
    open(next[0]);
    document.getElementById(`tab-${next[0]}`)?.focus();
  }

  function open(tab: Tab) {
    go(tab === "events" ? serviceAddress(service.name) : `${serviceAddress(service.name)}?tab=${tab}`, { replace: true });
  }

  return (
    <section class="tabbed">
      <div class="tabs" role="tablist" aria-label="More about it" onKeyDown={turn}>
        {TABS.map(([tab, title]) => (
          <button
            type="button"
            role="tab"
            id={`tab-${tab}`}
            key={tab}
            aria-selected={tab === shown}
            aria-controls="tab-panel"
            tabIndex={tab === shown ? 0 : -1}
            onClick={() => open(tab)}
          >
            {title}
          </button>
        ))}
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${shown}`}>
        {shown === "events" && <Events name={service.name} />}
        {shown === "logs" && <Logs name={service.name} />}
        {shown === "configuration" && <Configuration name={service.name} />}
      </div>
    </section>
  );
}
