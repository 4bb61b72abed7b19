// Who needs whom, at any distance.
import type { Edge } from "../api/types";

/** Everything that needs `name` to run, at any distance; also what only waits for it, unless `hardOnly`. */
export function dependentsOf(name: string, edges: readonly Edge[], hardOnly = true): Set<string> {
  return walk(name, edges, (edge) => (hardOnly && edge.kind !== "hard" ? null : [edge.to, edge.from]));
}

/** Everything that `name` needs, at any distance, hard or soft. */
export function dependenciesOf(name: string, edges: readonly Edge[]): Set<string> {
  return walk(name, edges, (edge) => [edge.from, edge.to]);
}

function walk(start: string, edges: readonly Edge[], step: (edge: Edge) => [string, string] | null): Set<string> {
  const next = new Map<string, string[]>();
  for (const edge of edges) {
    const taken = step(edge);
    if (taken === null) continue;
    const [from, to] = taken;
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  const found = new Set<string>();
  const waiting = [start];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    for (const neighbour of next.get(name) ?? []) {
      if (neighbour === start || found.has(neighbour)) continue;
      found.add(neighbour);
      waiting.push(neighbour);
    }
  }
  return found;
}
