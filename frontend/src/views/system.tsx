// The orchestrator itself: what it talks to, what it keeps, and whether its own parts are well.
import type { ComponentChildren } from "preact";
import type { FullHealth } from "../api/types";
import { latency, took } from "../logic/time";
import { useAnswer } from "../parts/answer";
import { Failure, Loading } from "../parts/empty";
import { Age, Moment } from "../parts/time";
import { now } from "../store";

const EVERY = 5_000;

export function SystemView() {
  const { value, failure } = useAnswer<FullHealth>("/api/system/health/full", null, EVERY);
  if (value === null) return failure === "" ? <Loading /> : <Failure words={failure} />;
  const { engine, store } = value;
  return (
    <>
      <div class="page-head">
        <h1>System</h1>
      </div>
      <div class="panels">
        <Panel title="Orchestrator" well={value.workers.every((one) => one.state === "running")}>
          <Row name="Version">{value.version}</Row>
          <Row name="Running for">{took(Math.floor((now.value - Date.parse(value.started_at)) / 1000))}</Row>
          <Row name="Decisions">
            {value.turns} <span class="quiet">the last</span> <Age at={value.last_turn_at} suffix=" ago" />
          </Row>
          <Row name="Following live">{value.clients === 1 ? "1 client" : `${value.clients} clients`}</Row>
          {value.restarts_paused !== "" && <Row name="Restarts paused">{value.restarts_paused}</Row>}
        </Panel>
        <Panel title="Engine" well={engine.reachable}>
          <Row name={engine.reachable ? "Reachable since" : "Away since"}>
            <Moment at={engine.since} />
          </Row>
          <Row name="Kind">{engine.kind === null ? "not known yet" : `${engine.kind} ${engine.version}`}</Row>
          <Row name="API">{engine.api_version ?? "–"}</Row>
          <Row name="Endpoint">
            <code>{engine.endpoint}</code>
          </Row>
          {engine.detail !== "" && <Row name="Why">{engine.detail}</Row>}
        </Panel>
        <Panel title="State" well={store.healthy}>
          <Row name="Kept in">
            <code>{store.location}</code>
          </Row>
          <Row name="Writes waiting">{store.pending_writes}</Row>
          {store.detail !== "" && <Row name="Why">{store.detail}</Row>}
        </Panel>
        {value.own !== undefined && <Own own={value.own} />}
        <Gpus gpus={value.gpus} />
      </div>
      <section class="group">
        <h2 class="group-head">Workers</h2>
        <div class="scroll" tabIndex={0} role="region" aria-label="Workers">
          <table>
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">State</th>
                <th scope="col" class="number">
                  Restarts
                </th>
                <th scope="col">What it says</th>
              </tr>
            </thead>
            <tbody>
              {value.workers.map((one) => (
                <tr key={one.name}>
                  <th scope="row">{one.name}</th>
                  <td>
                    <State well={one.state === "running"} words={one.state} />
                  </td>
                  <td class="number figure">{one.restarts}</td>
                  <td>{one.detail || <span class="quiet">–</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
    </>
  );
}

function Own({ own }: { own: NonNullable<FullHealth["own"]> }) {
  return (
    <Panel title="Keeping up" well={own.strains.length === 0}>
      <Row name="Loop lag">
        {latency(own.loop_lag_seconds * 1000)} <span class="quiet">at worst {latency(own.worst_loop_lag_seconds * 1000)}</span>
      </Row>
      <Row name="Facts waiting">{own.posts_waiting}</Row>
      <Row name="Engine's events">
        {own.stream_connected ? "followed" : "not followed"}
        {own.stream_age_seconds !== null && <span class="quiet"> the newest {took(own.stream_age_seconds)} ago</span>}
      </Row>
      <Row name="Store behind by">{took(own.store_lag_seconds)}</Row>
      {own.dead_man !== null && (
        <Row name="Dead man's ping">
          {own.dead_man.address}{" "}
          {own.dead_man.last_ping_at === null ? (
            <span class="quiet">never taken yet</span>
          ) : (
            <Age at={own.dead_man.last_ping_at} suffix=" ago" />
          )}{" "}
          {own.dead_man.detail}
        </Row>
      )}
      {own.strains.map((strain) => (
        <Row key={strain} name="Strain">
          {strain}
        </Row>
      ))}
    </Panel>
  );
}

function Gpus({ gpus }: { gpus: FullHealth["gpus"] }) {
  if (gpus.driver === "unknown") return null;
  return (
    <Panel title="GPUs" well={gpus.driver === "answers"}>
      <Row name="Driver">{gpus.version || gpus.driver}</Row>
      {gpus.detail !== "" && <Row name="Why">{gpus.detail}</Row>}
      {gpus.gpus.map((gpu) => (
        <Row key={gpu.index} name={`${gpu.index}: ${gpu.name}`}>
          <meter min={0} max={gpu.memory_total_bytes} value={gpu.memory_used_bytes} /> {gigabytes(gpu.memory_used_bytes)} of{" "}
          {gigabytes(gpu.memory_total_bytes)}
        </Row>
      ))}
    </Panel>
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function Panel({ title, well, children }: { title: string; well: boolean; children: ComponentChildren }) {
  return (
    <section class="panel">
      <h2>
        {title} <State well={well} words={well ? "well" : "not well"} />
      </h2>
      <dl>{children}</dl>
    </section>
  );
}

function State({ well, words }: { well: boolean; words: string }) {
  return <span class={`state ${well ? "state-well" : "state-ill"}`}>{words}</span>;
}

function Row({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
