// The dependency graph: where everything stands, who is the cause, whom it takes with it, and ways to walk along edges.
import { Graph as Layout, layout as place } from "@dagrejs/dagre";
import type { Edge, Graph, Service } from "../api/types";
import { conditionOf } from "./condition";
import { dependenciesOf, dependentsOf } from "./edges";

export const NODE = { width: 184, height: 46 } as const;
const GAP = { between: 18, ranks: 76 } as const;
const MARGIN = 16;

export interface Point {
  x: number;
  y: number;
}

export interface Place extends Point {
  name: string;
  /** Of the host, or a service that is not there: nothing to open. */
  foreign: boolean;
}

export interface Line {
  edge: Edge;
  points: Point[];
}

export interface Drawing {
  width: number;
  height: number;
  places: Place[];
  lines: Line[];
  /** The left edge of each phase. */
  columns: number[];
  /** Services that need nobody and that nobody needs. */
  alone: string[];
}

/** Left to right, what is needed before what needs it; each column holds what can start together. */
export function draw(graph: Pick<Graph, "nodes" | "edges">): Drawing {
  const known = new Set(graph.nodes.map((node) => node.name));
  const tied = new Set(graph.edges.flatMap((edge) => [edge.from, edge.to]));
  // from the dependent to the dependency and mirrored, so that what needs nothing stands in the first column
  const layout = new Layout({ directed: true });
  layout.setGraph({ rankdir: "RL", ranker: "longest-path", nodesep: GAP.between, ranksep: GAP.ranks, marginx: MARGIN, marginy: MARGIN });
  layout.setDefaultEdgeLabel(() => ({}));
  for (const name of [...tied].sort()) layout.setNode(name, { width: NODE.width, height: NODE.height });
  for (const edge of graph.edges) layout.setEdge(edge.from, edge.to);
  if (tied.size > 0) place(layout);
  const places = [...tied].map((name) => {
    const { x, y } = layout.node(name) as Point;
    return { name, x: x - NODE.width / 2, y: y - NODE.height / 2, foreign: !known.has(name) };
  });
  const lines = graph.edges.map((edge) => {
    const { points } = layout.edge(edge.from, edge.to) as { points: Point[] };
    // of neighbouring columns the layout names the middle alone: straight through it is smoother
    const between = points.length > 3 ? points.slice(1, -1).reverse() : [];
    return { edge, points: [sideOf(layout, edge.to, 1), ...between, sideOf(layout, edge.from, -1)] };
  });
  return {
    width: Math.max(0, ...places.map((one) => one.x + NODE.width + MARGIN)),
    height: Math.max(0, ...places.map((one) => one.y + NODE.height + MARGIN)),
    places: places.sort((a, b) => a.x - b.x || a.y - b.y),
    lines,
    columns: [...new Set(places.map((one) => Math.round(one.x)))].sort((a, b) => a - b),
    alone: graph.nodes.map((node) => node.name).filter((name) => !tied.has(name)).sort(),
  };
}

/** The middle of a node's right (1) or left (-1) side: whoever follows a line finds it there. */
function sideOf(layout: Layout, name: string, side: 1 | -1): Point {
  const { x, y } = layout.node(name) as Point;
  return { x: x + (side * NODE.width) / 2, y };
}

/** A smooth line through the points of an edge. */
export function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  let path = `M${round(first.x)} ${round(first.y)}`;
  let before = first;
  for (const point of rest) {
    const half = (before.x + point.x) / 2;
    path += `C${round(half)} ${round(before.y)} ${round(half)} ${round(point.y)} ${round(point.x)} ${round(point.y)}`;
    before = point;
  }
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export interface Trouble {
  /** Down or ill by itself: nothing that it needs is. */
  roots: Set<string>;
  /** What needs one of them, at any distance. */
  radius: Set<string>;
}

export function troubleOf(services: ReadonlyMap<string, Service>, edges: readonly Edge[], named: Iterable<string> = []): Trouble {
  const failing = new Set<string>();
  for (const service of services.values()) if (conditionOf(service) === "failing") failing.add(service.name);
  const roots = new Set([...named].filter((name) => services.has(name) && conditionOf(services.get(name) as Service) !== "well"));
  for (const name of failing) {
    const needed = [...dependenciesOf(name, edges.filter((edge) => edge.kind === "hard"))];
    if (!needed.some((one) => failing.has(one))) roots.add(name);
  }
  const radius = new Set([...roots].flatMap((name) => [...dependentsOf(name, edges)]));
  for (const name of roots) radius.delete(name);
  return { roots, radius };
}

export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** Where an arrow key leads: along an edge to the side, the nearest in height; up and down within the column. */
export function neighbour(drawing: Drawing, name: string, direction: Direction): string | null {
  const here = drawing.places.find((one) => one.name === name);
  if (here === undefined) return null;
  const candidates = drawing.places.filter((one) => {
    switch (direction) {
      case "ArrowLeft":
        return drawing.lines.some(({ edge }) => edge.from === name && edge.to === one.name);
      case "ArrowRight":
        return drawing.lines.some(({ edge }) => edge.to === name && edge.from === one.name);
      case "ArrowUp":
        return Math.round(one.x) === Math.round(here.x) && one.y < here.y;
      case "ArrowDown":
        return Math.round(one.x) === Math.round(here.x) && one.y > here.y;
    }
  });
  candidates.sort((a, b) => Math.abs(a.y - here.y) - Math.abs(b.y - here.y));
  return candidates[0]?.name ?? null;
}
