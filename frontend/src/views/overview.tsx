// Everything at a glance: the sentence, then the services as cards or rows, grouped, sorted and filtered by the address.
import { useEffect, useRef } from "preact/hooks";
import { conditionOf, STATUS_WORDS } from "../logic/condition";
import { type Grouping, type Look, type Order, read, type Selection, select, write } from "../logic/selection";
import { sentenceOf, sort } from "../logic/sentence";
import type { Seen } from "../live/state";
import { Empty } from "../parts/empty";
import { Mark, StatusWord, toneOf } from "../parts/mark";
import { memo } from "../parts/memo";
import { Spark } from "../parts/spark";
import { Age, Countdown } from "../parts/time";
import { go, route, serviceAddress } from "../router";
import { engineReachable, latencies, openIncidents, services } from "../store";

export function Overview() {
  const all = [...services.value.values()];
  const selection = read(route.value.query);
  const groups = select(all, selection);
  const shown = groups.reduce((sum, group) => sum + group.members.length, 0);
  return (
    <>
      <Headline />
      {all.length === 0 ? (
        <NothingYet />
      ) : (
        <>
          <Tools selection={selection} shown={shown} all={all.length} />
          {shown === 0 && (
            <Empty title="No service fits">
              <button type="button" onClick={() => change({ ...selection, search: "", only: "" })}>
                Show all {all.length}
              </button>
            </Empty>
          )}
          {groups.map((group) => (
            <section class="group" key={group.title} aria-label={group.title || "Services"}>
              {group.title !== "" && <GroupHead title={group.title} members={group.members} />}
              {selection.look === "table" ? <Table members={group.members} /> : <Cards members={group.members} />}
            </section>
          ))}
        </>
      )}
    </>
  );
}

function change(selection: Selection) {
  const query = write(selection).toString();
  go(query === "" ? "/" : `/?${query}`, { replace: true });
}

function Headline() {
  const all = [...services.value.values()].map((seen) => seen.service);
  const { text, tone } = sentenceOf(all, engineReachable.value);
  const open = openIncidents.value;
  return (
    <div class={`headline headline-${tone}`}>
      <h1>{text}</h1>
      {open.map((one) => (
        <a class="headline-incident" key={one.id} href={`/incidents/${one.id}`}>
          <span class="tag">incident {one.id}</span>
          <span class="headline-title">{one.title}</span>
          {one.recovered_at !== null && <span class="quiet">recovered, watched until it is stable</span>}
        </a>
      ))}
    </div>
  );
}

function NothingYet() {
  return (
    <Empty title="No container here is a service yet">
      <p>
        Adopted are those of the catalog (<code>postgres</code>, <code>redis</code>, <code>grafana</code>, …), those in{" "}
        <code>orchestrator.yaml</code>, and those with a label:
      </p>
      <pre>docker run -d --name web --label orchestrator.service=web …</pre>
      <p>
        <code>ORCHESTRATOR_DISCOVERY=all</code> adopts every container. <code>orchestrator check</code> says which are
        left out, and why.
      </p>
    </Empty>
  );
}

const ONLY = [
  ["", "All"],
  ["trouble", "Not well"],
] as const;

function Tools({ selection, shown, all }: { selection: Selection; shown: number; all: number }) {
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const writing = event.target instanceof Element && event.target.matches("input, textarea, select");
      if (event.key !== "/" || writing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      search.current?.focus();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);
  return (
    <div class="tools" role="search">
      <input
        ref={search}
        type="search"
        aria-label="Search services"
        placeholder="Search   /"
        value={selection.search}
        onInput={(event) => change({ ...selection, search: event.currentTarget.value })}
      />
      <div class="segments" role="group" aria-label="Show">
        {ONLY.map(([value, name]) => (
          <button
            type="button"
            key={value}
            aria-pressed={selection.only === value}
            onClick={() => change({ ...selection, only: value })}
          >
            {name}
          </button>
        ))}
      </div>
      <label class="choice">
        <span>Group</span>
        <select
          value={selection.group}
          onChange={(event) => change({ ...selection, group: event.currentTarget.value as Grouping })}
        >
          <option value="category">by category</option>
          <option value="project">by project</option>
          <option value="none">not at all</option>
        </select>
      </label>
      <label class="choice">
        <span>Sort</span>
        <select
          value={selection.sort}
          onChange={(event) => change({ ...selection, sort: event.currentTarget.value as Order })}
        >
          <option value="name">by name</option>
          <option value="status">trouble first</option>
          <option value="age">youngest first</option>
          <option value="restarts">most restarts first</option>
        </select>
      </label>
      <div class="segments" role="group" aria-label="Look">
        {(["cards", "table"] as const).map((look: Look) => (
          <button
            type="button"
            key={look}
            aria-pressed={selection.look === look}
            onClick={() => change({ ...selection, look })}
          >
            {look === "cards" ? "Cards" : "Table"}
          </button>
        ))}
      </div>
      <span class="quiet shown" aria-live="polite">
        {shown === all ? `${all} services` : `${shown} of ${all}`}
      </span>
    </div>
  );
}

function GroupHead({ title, members }: { title: string; members: Seen[] }) {
  const sorted = sort(members.map((seen) => seen.service));
  const bad = sorted.failing.length + sorted.waiting.length + sorted.disabled.length;
  return (
    <h2 class="group-head">
      {title}
      <span class="quiet">
        {bad === 0 ? `${members.length}` : `${members.length}, ${bad} not well`}
      </span>
    </h2>
  );
}

// --- cards ---

function Cards({ members }: { members: Seen[] }) {
  return (
    <ul class="cards">
      {members.map((seen) => (
        <Card key={seen.service.name} seen={seen} />
      ))}
    </ul>
  );
}

const Card = memo(function Card({ seen }: { seen: Seen }) {
  const { service, startedAt } = seen;
  return (
    <li class={`card tone-${toneOf(service)} is-${conditionOf(service)}${service.observed === false ? " is-unseen" : ""}`} data-service={service.name} data-status={service.status}>
      <div class="card-head">
        <Mark status={service.status} atRest={service.at_rest} />
        <a class="card-name" href={serviceAddress(service.name)}>
          {service.display_name}
        </a>
        {service.status === "running" ? (
          <span class="card-id">{service.name === service.display_name ? "" : service.name}</span>
        ) : (
          <span class="card-status">{STATUS_WORDS[service.status]}</span>
        )}
      </div>
      <p class="card-why" title={service.reason || undefined}>
        <Why seen={seen} />
      </p>
      <div class="card-foot">
        <span title="Age of this run">
          <Age at={startedAt} />
        </span>
        <span class={service.restart_count === 0 ? "quiet" : undefined} title="Restarts by the orchestrator">
          ↻ <span class="figure">{service.restart_count}</span>
        </span>
        <Live name={service.name} />
      </div>
    </li>
  );
});

/** Its own component, so that new latencies do not draw the cards anew. */
function Live({ name }: { name: string }) {
  return <Spark values={latencies.value[name]} />;
}

function Why({ seen: { service } }: { seen: Seen }) {
  if (service.observed === false) {
    return (
      <span class="quiet">
        as last seen {service.last_seen_at != null && <Age at={service.last_seen_at} suffix=" ago" />} {service.reason}
      </span>
    );
  }
  if (service.retry_at !== null) {
    return (
      <>
        <span class="next">
          next attempt <Countdown at={service.retry_at} />
        </span>{" "}
        {service.reason}
      </>
    );
  }
  if (service.waiting_on.length > 0) return <>{service.reason || `waiting for ${service.waiting_on.join(", ")}`}</>;
  if (service.reason !== "") return <>{service.reason}</>;
  if (service.degraded_by.length > 0) return <>without {service.degraded_by.join(", ")}</>;
  if (service.problems.length > 0) return <>configuration: {service.problems[0]}</>;
  return <span class="quiet">{service.health?.detail}</span>;
}

// --- table ---

function Table({ members }: { members: Seen[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Services as a table">
      <table class="services">
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">Status</th>
            <th scope="col" class="number">
              Age
            </th>
            <th scope="col" class="number">
              Restarts
            </th>
            <th scope="col">Probe</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {members.map((seen) => (
            <Row key={seen.service.name} seen={seen} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const Row = memo(function Row({ seen }: { seen: Seen }) {
  const { service, startedAt } = seen;
  return (
    <tr class={`is-${conditionOf(service)}`} data-service={service.name} data-status={service.status}>
      <th scope="row">
        <a href={serviceAddress(service.name)}>{service.name}</a>
      </th>
      <td>
        <StatusWord status={service.status} atRest={service.at_rest} />
      </td>
      <td class="number">
        <Age at={startedAt} />
      </td>
      <td class="number figure">{service.restart_count}</td>
      <td>
        <Live name={service.name} />
      </td>
      <td class="row-why">
        <Why seen={seen} />
      </td>
    </tr>
  );
});
