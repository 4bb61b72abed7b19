// Who needs whom: columns of what can start together, edges from what is needed to what needs it, and the cause.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Graph } from "../api/types";
import { statusWords } from "../logic/condition";
import { dependenciesOf, dependentsOf } from "../logic/edges";
import {
  type Direction,
  draw,
  type Drawing,
  NODE,
  neighbour,
  pathOf,
  type Trouble,
  troubleOf,
} from "../logic/graph";
import { useAnswer } from "../parts/answer";
import { Empty, Failure, Loading } from "../parts/empty";
import { Mark, toneOf } from "../parts/mark";
import { go, serviceAddress } from "../router";
import { openIncidents, services } from "../store";

export function GraphView() {
  // who needs whom changes when services come and go, or are configured anew; their statuses are live
  const shape = [...services.value.values()]
    .map(({ service }) => `${service.name}>${service.requires.join()}~${service.wants.join()}`)
    .join("|");
  const { value: graph, failure } = useAnswer<Graph>("/api/system/graph", shape);
  if (graph === null) return failure === "" ? <Loading /> : <Failure words={failure} />;
  if (graph.nodes.length === 0) return <Empty whole title="No service yet, so nothing to draw" />;
  return <Drawn graph={graph} />;
}

function Drawn({ graph }: { graph: Graph }) {
  const drawing = useMemo(() => draw(graph), [graph]);
  const known = new Map([...services.value].map(([name, seen]) => [name, seen.service]));
  const causes = openIncidents.value.map((one) => one.cause.service);
  const trouble = troubleOf(known, graph.edges, causes);
  return (
    <>
      <div class="graph-head">
        <h1>{headOf(trouble)}</h1>
        <Legend />
      </div>
      {drawing.places.length === 0 ? (
        <Empty title="Nothing here needs anything else">
          <p>
            Dependencies come from compose's <code>depends_on</code>, from shared namespaces, and from{" "}
            <code>requires</code> and <code>wants</code>, in the file or as a label:
          </p>
          <pre>--label orchestrator.requires=db</pre>
        </Empty>
      ) : (
        <Canvas graph={graph} drawing={drawing} trouble={trouble} />
      )}
      {graph.cycles.length > 0 && (
        <div class="banner tone-unhealthy">
          <p>
            <strong>Dependencies that contradict each other</strong>: {graph.cycles.join("; ")}. The last step of each is
            not waited for.
          </p>
        </div>
      )}
      {drawing.alone.length > 0 && (
        <section class="group" aria-label="Without dependencies">
          <h2 class="group-head">
            Without dependencies <span class="quiet">{drawing.alone.length}</span>
          </h2>
          <ul class="chips">
            {drawing.alone.map((name) => (
              <li key={name}>
                <Chip name={name} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function headOf({ roots, radius }: Trouble): string {
  if (roots.size === 0) return "Dependencies";
  const names = [...roots].sort().join(", ");
  const cause = roots.size === 1 ? `${names} is the cause` : `${names} are the causes`;
  return radius.size === 0 ? `${cause}; nothing else needs ${roots.size === 1 ? "it" : "them"}` : `${cause}; ${radius.size} depend${radius.size === 1 ? "s" : ""} on ${roots.size === 1 ? "it" : "them"}`;
}

function Legend() {
  return (
    <ul class="legend" aria-label="Legend">
      <li>
        <svg viewBox="0 0 34 8" aria-hidden="true">
          <path class="edge" d="M1 4H33" />
        </svg>
        needed to run
      </li>
      <li>
        <svg viewBox="0 0 34 8" aria-hidden="true">
          <path class="edge soft" d="M1 4H33" />
        </svg>
        waited for at start only
      </li>
    </ul>
  );
}

function Chip({ name }: { name: string }) {
  const seen = services.value.get(name);
  if (seen === undefined) return <span class="chip">{name}</span>;
  return (
    <a class="chip" href={serviceAddress(name)} data-status={seen.service.status}>
      <Mark status={seen.service.status} atRest={seen.service.at_rest} /> {name}
    </a>
  );
}

const ARROWS: ReadonlySet<string> = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);

function Canvas({ graph, drawing, trouble }: { graph: Graph; drawing: Drawing; trouble: Trouble }) {
  const [active, setActive] = useState<string | null>(null);
  const [entry, setEntry] = useState(drawing.places[0]?.name ?? "");
  const canvas = useRef<HTMLDivElement>(null);
  const scale = useFit(canvas, drawing.width);
  const near = active === null ? null : new Set([active, ...dependenciesOf(active, graph.edges), ...dependentsOf(active, graph.edges, false)]);

  function walk(event: KeyboardEvent) {
    if (!ARROWS.has(event.key) || active === null) return;
    event.preventDefault();
    const next = neighbour(drawing, active, event.key as Direction);
    if (next === null) return;
    const found = [...(canvas.current?.querySelectorAll<HTMLElement>("[data-node]") ?? [])];
    found.find((one) => one.dataset.node === next)?.focus();
  }

  return (
    <div
      ref={canvas}
      class={`graph${trouble.roots.size > 0 ? " has-cause" : ""}${near === null ? "" : " has-active"}`}
      onKeyDown={walk}
      role="group"
      aria-label="Dependency graph. Arrow keys follow the edges."
    >
      <div class="graph-space" style={{ width: `${drawing.width * scale}px`, height: `${(drawing.height + HEAD) * scale}px` }}>
        <div class="graph-sheet" style={{ width: `${drawing.width}px`, height: `${drawing.height + HEAD}px`, transform: `scale(${scale})` }}>
          {drawing.columns.map((x, index) => (
            <p class="phase" key={x} style={{ left: `${x}px`, width: `${NODE.width}px` }}>
              {index === 0 ? "starts first" : `phase ${index + 1}`}
            </p>
          ))}
          <svg width={drawing.width} height={drawing.height} style={{ top: `${HEAD}px` }} aria-hidden="true">
            <defs>
              <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
                <path d="M0 0.8 7 4 0 7.2z" />
              </marker>
            </defs>
            {drawing.lines.map(({ edge, points }) => (
              <path
                key={`${edge.from} ${edge.to}`}
                class={edgeClass(edge, near, trouble, active)}
                d={pathOf(points)}
                marker-end="url(#arrow)"
              />
            ))}
          </svg>
          {drawing.places.map((one) => (
            <Node
              key={one.name}
              name={one.name}
              x={one.x}
              y={one.y + HEAD}
              graph={graph}
              mood={moodOf(one.name, near, trouble)}
              entry={one.name === entry}
              onEnter={() => setActive(one.name)}
              onFocus={() => {
                setActive(one.name);
                setEntry(one.name);
              }}
              onLeave={() => setActive(null)}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

const HEAD = 26;
const SMALLEST = 0.8;
const LARGEST = 1.3;

/** As wide as the window, within reason: what cannot be read any more is scrolled instead. */
function useFit(element: { current: HTMLElement | null }, width: number): number {
  const [room, setRoom] = useState(width);
  useEffect(() => {
    const watched = element.current;
    if (watched === null) return;
    const observer = new ResizeObserver(() => setRoom(watched.clientWidth - 2));
    observer.observe(watched);
    return () => observer.disconnect();
  }, [element]);
  return width === 0 ? 1 : Math.min(LARGEST, Math.max(SMALLEST, room / width));
}

function edgeClass(edge: Graph["edges"][number], near: Set<string> | null, trouble: Trouble, active: string | null): string {
  const words = ["edge"];
  if (edge.kind === "soft") words.push("soft");
  if (near?.has(edge.from) && near.has(edge.to)) words.push(edge.to === active || edge.from === active ? "touching" : "near");
  if (edge.kind === "hard" && (trouble.roots.has(edge.to) || trouble.radius.has(edge.to)) && trouble.radius.has(edge.from)) words.push("struck");
  return words.join(" ");
}

function moodOf(name: string, near: Set<string> | null, trouble: Trouble): string {
  const words = [];
  if (trouble.roots.has(name)) words.push("is-cause");
  if (trouble.radius.has(name)) words.push("is-struck");
  if (near?.has(name)) words.push("is-near");
  return words.join(" ");
}

interface NodeProps {
  name: string;
  x: number;
  y: number;
  graph: Graph;
  mood: string;
  entry: boolean;
  onEnter: () => void;
  onFocus: () => void;
  onLeave: () => void;
}

function Node({ name, x, y, graph, mood, entry, onEnter, onFocus, onLeave }: NodeProps) {
  const seen = services.value.get(name);
  const resource = graph.resources.find((one) => one.name === name);
  const place = { left: `${x}px`, top: `${y}px`, width: `${NODE.width}px`, height: `${NODE.height}px` };
  const common = {
    style: place,
    "data-node": name,
    tabIndex: entry ? 0 : -1,
    onMouseEnter: onEnter,
    onMouseLeave: onLeave,
    onFocus,
    onBlur: onLeave,
  };
  if (seen === undefined) {
    const state = resource?.state ?? "not there";
    return (
      <div {...common} class={`node foreign ${mood}`} role="img" aria-label={`${name}, ${state}`}>
        <span class="node-name">{name}</span> <span class="node-note">{state}</span>
      </div>
    );
  }
  const { service } = seen;
  const note = mood.includes("is-cause") ? service.reason || statusWords(service) : statusWords(service);
  return (
    <a
      {...common}
      class={`node tone-${toneOf(service)} ${mood}`}
      href={serviceAddress(name)}
      data-status={service.status}
      aria-label={describe(name, note, graph)}
      onKeyDown={(event) => {
        if (event.key === " ") {
          event.preventDefault();
          go(serviceAddress(name));
        }
      }}
    >
      <Mark status={service.status} atRest={service.at_rest} />
      <span class="node-name">{name}</span> <span class="node-note">{note}</span>
    </a>
  );
}

/** Begins with what is to be read there, so that who speaks it is understood. */
function describe(name: string, note: string, graph: Graph): string {
  const needs = graph.edges.filter((edge) => edge.from === name).map((edge) => edge.to);
  const needed = graph.edges.filter((edge) => edge.to === name).map((edge) => edge.from);
  const words = [`${name} ${note}`];
  if (needs.length > 0) words.push(`needs ${needs.join(", ")}`);
  if (needed.length > 0) words.push(`needed by ${needed.join(", ")}`);
  return words.join("; ");
}
