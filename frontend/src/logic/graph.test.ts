import { expect, test } from "vitest";
import type { Edge, Graph } from "../api/types";
import { aService } from "../testing";
import { dependenciesOf, dependentsOf } from "./edges";
import { draw, NODE, neighbour, pathOf, troubleOf } from "./graph";

function edge(from: string, to: string, kind: Edge["kind"] = "hard"): Edge {
  return { from, to, kind, origin: "compose" };
}

function graph(names: string[], edges: Edge[]): Pick<Graph, "nodes" | "edges"> {
  const nodes = names.map((name) => ({ name, display_name: name, category: "application", status: "running" }) as const);
  return { nodes, edges };
}

const SHOP = [edge("backend", "db"), edge("backend", "cache"), edge("web", "backend"), edge("backend", "model", "soft")];
const NAMES = ["backend", "cache", "db", "lonely", "model", "web"];

function place(drawing: ReturnType<typeof draw>, name: string) {
  const found = drawing.places.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} is not drawn`);
  return found;
}

test("what is needed stands left of what needs it, and what needs nothing in the first column", () => {
  const drawing = draw(graph(NAMES, SHOP));
  for (const { from, to } of SHOP) expect(place(drawing, to).x).toBeLessThan(place(drawing, from).x);
  const first = drawing.columns[0];
  expect(["cache", "db", "model"].map((name) => Math.round(place(drawing, name).x))).toEqual([first, first, first]);
  expect(drawing.columns).toHaveLength(3);
});

test("no two nodes lie on each other, and all lie on the sheet", () => {
  const { places, width, height } = draw(graph(NAMES, SHOP));
  for (const one of places) {
    expect(one.x).toBeGreaterThanOrEqual(0);
    expect(one.x + NODE.width).toBeLessThanOrEqual(width);
    expect(one.y + NODE.height).toBeLessThanOrEqual(height);
    for (const other of places) {
      if (one === other) continue;
      const apart = Math.abs(one.x - other.x) >= NODE.width || Math.abs(one.y - other.y) >= NODE.height;
      expect(apart, `${one.name} and ${other.name}`).toBe(true);
    }
  }
});

test("a line begins at the side of what is needed and ends at the side of what needs it", () => {
  const drawing = draw(graph(NAMES, SHOP));
  for (const { edge: drawn, points } of drawing.lines) {
    expect(points[0]?.x).toBeCloseTo(place(drawing, drawn.to).x + NODE.width);
    expect(points[points.length - 1]?.x).toBeCloseTo(place(drawing, drawn.from).x);
  }
});

test("who needs nobody and is needed by nobody is not in the way", () => {
  const drawing = draw(graph(NAMES, SHOP));
  expect(drawing.alone).toEqual(["lonely"]);
  expect(draw(graph(["a", "b"], [])).places).toEqual([]);
});

test("what is no service is drawn as foreign", () => {
  expect(place(draw(graph(["llm"], [edge("llm", "gpu")])), "gpu").foreign).toBe(true);
});

test("dependents are found at any distance along hard edges, dependencies along all", () => {
  expect([...dependentsOf("db", SHOP)].sort()).toEqual(["backend", "web"]);
  expect([...dependentsOf("model", SHOP)]).toEqual([]);
  expect([...dependentsOf("model", SHOP, false)].sort()).toEqual(["backend", "web"]);
  expect([...dependenciesOf("web", SHOP)].sort()).toEqual(["backend", "cache", "db", "model"]);
});

test("edges that contradict each other end", () => {
  expect([...dependentsOf("a", [edge("b", "a"), edge("a", "b")])]).toEqual(["b"]);
});

test("the cause is what fails with all it needs well, and its radius is who needs it", () => {
  const services = new Map(NAMES.map((name) => [name, aService(name)]));
  services.set("db", aService("db", { status: "stopped" }));
  services.set("backend", aService("backend", { status: "unhealthy" }));
  services.set("web", aService("web", { status: "unhealthy", waiting_on: ["backend"] }));
  const { roots, radius } = troubleOf(services, SHOP);
  expect([...roots]).toEqual(["db"]);
  expect([...radius].sort()).toEqual(["backend", "web"]);
});

test("the cause that an incident names is one too, as long as it is not well", () => {
  const services = new Map([["db", aService("db", { status: "starting" })], ["web", aService("web")]]);
  expect([...troubleOf(services, [edge("web", "db")], ["db", ""]).roots]).toEqual(["db"]);
  expect([...troubleOf(services, [edge("web", "db")], ["web"]).roots]).toEqual([]);
});

test("arrow keys walk along the edges and within a column", () => {
  const drawing = draw(graph(NAMES, SHOP));
  expect(neighbour(drawing, "web", "ArrowLeft")).toBe("backend");
  expect(neighbour(drawing, "db", "ArrowRight")).toBe("backend");
  expect(neighbour(drawing, "web", "ArrowRight")).toBeNull();
  const column = drawing.places.filter((one) => one.x === place(drawing, "db").x).map((one) => one.name);
  expect(neighbour(drawing, column[0] as string, "ArrowDown")).toBe(column[1]);
  expect(neighbour(drawing, column[1] as string, "ArrowUp")).toBe(column[0]);
});

test("a path goes through its points", () => {
  expect(pathOf([{ x: 0, y: 0 }, { x: 10, y: 4 }])).toBe("M0 0C5 0 5 4 10 4");
  expect(pathOf([])).toBe("");
});
