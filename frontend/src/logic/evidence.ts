// What was put on record about a failure, part by part, as lines for people. What could not be read says why.
import { moment } from "./time";

export interface Part {
  name: string;
  lines: string[];
  /** Words of a program, to be shown as they are. */
  raw: boolean;
}

type Document = Readonly<Record<string, unknown>>;

const UNTOLD: ReadonlySet<string> = new Set(["service", "run", "taken_at", "fact", "oom_flag", "memory_limit"]);
const ORDER = ["exit_code", "error", "out_of_memory", "log", "health", "processes", "usage", "changes", "dependencies"];
const NAMES: Readonly<Record<string, string>> = {
  out_of_memory: "out of memory",
  exit_code: "exit code",
  endings: "how the last runs ended",
  events: "the engine's events",
  health: "last checks",
  environment: "environment, secrets masked",
};
const RAW: ReadonlySet<string> = new Set(["log", "processes", "environment"]);

export function partsOf(evidence: Document, now: number): Part[] {
  const names = Object.keys(evidence).filter((name) => !UNTOLD.has(name));
  names.sort((one, other) => place(one) - place(other));
  return names
    .map((name) => ({ name: NAMES[name] ?? name.replaceAll("_", " "), ...told(name, evidence[name], now) }))
    .filter((part) => part.lines.length > 0);
}

function place(name: string): number {
  const found = ORDER.indexOf(name);
  return found < 0 ? ORDER.length : found;
}

function told(name: string, value: unknown, now: number): { lines: string[]; raw: boolean } {
  if (isDocument(value) && typeof value["unread"] === "string") return { lines: [`not read: ${value["unread"]}`], raw: false };
  const write = WRITERS[name];
  const lines = write === undefined ? plain(value, now) : write(value, now);
  return { lines: lines.filter((line) => line !== ""), raw: RAW.has(name) };
}

const WRITERS: Readonly<Record<string, (value: unknown, now: number) => string[]>> = {
  log: (value) => {
    const { lines, cut } = value as { lines: { stream: string; text: string }[]; cut: boolean };
    return [...(cut ? ["…"] : []), ...lines.map((one) => (one.stream === "stderr" ? `! ${one.text}` : `  ${one.text}`))];
  },
  health: (value, now) =>
    each(value).map((one) => `${at(one["at"], now)} ${text(one["verdict"])} by ${text(one["method"])}: ${text(one["detail"])}`),
  events: (value, now) => each(value).map((one) => `${at(one["at"], now)} ${text(one["action"])}`),
  processes: (value) =>
    each(value).map((one) => [text(one["pid"]).padStart(7), text(one["state"]), text(one["name"]), size(one["memory"])].join("  ").trimEnd()),
  environment: (value) => (Array.isArray(value) ? value.map((pair) => (pair as string[]).join("=")) : []),
  out_of_memory: (value) => {
    if (!isDocument(value) || value["verdict"] === "unknown") return [];
    const grounds = (value["grounds"] as string[]).join("; ");
    return [`${text(value["verdict"])}, ${text(value["confidence"])}${grounds === "" ? "" : `: ${grounds}`}`];
  },
  endings: (value) => each(value).map((one) => `code ${text(one["exit_code"])}${one["last_line"] ? `: ${text(one["last_line"])}` : ""}`),
  changes: (value, now) =>
    each(value).map((one) => `${at(one["at"], now)} ${text(one["what"])}${one["after"] ? `: ${text(one["before"])} → ${text(one["after"])}` : ""}`),
  dependencies: (value) =>
    each(value).map((one) => `${text(one["name"])} is ${one["status"] === null ? "not known" : text(one["status"])}${one["hard"] === true ? "" : " (can do without)"}`),
};

/** Whatever else there is: a line for each field that holds something, sizes as people write them. */
function plain(value: unknown, now: number, prefix = ""): string[] {
  if (value === null || value === "" || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((one) => (isDocument(one) ? [plain(one, now).join(", ")] : [text(one)]));
  if (!isDocument(value)) return [text(value)];
  return Object.entries(value).flatMap(([name, inner]) => {
    const words = `${prefix}${name.replaceAll("_", " ")}`;
    if (isDocument(inner)) return typeof inner["unread"] === "string" ? [`${words}: not read: ${inner["unread"]}`] : plain(inner, now, `${words} `);
    if (Array.isArray(inner)) return plain(inner, now).map((line) => `${words}: ${line}`);
    if (inner === null || inner === "") return [];
    return [`${words}: ${isSize(name) ? size(inner) : text(inner)}`];
  });
}

function isSize(name: string): boolean {
  return /^(memory(_.*)?|size|free)$/.test(name);
}

function size(value: unknown): string {
  if (typeof value !== "number") return "";
  const [unit, name] = value >= 2 ** 30 ? [2 ** 30, "GiB"] : [2 ** 20, "MiB"];
  return `${Number((value / (unit as number)).toFixed(1))} ${name}`;
}

function at(value: unknown, now: number): string {
  return typeof value === "number" ? moment(value * 1000, now) : "";
}

function text(value: unknown): string {
  return typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value);
}

function each(value: unknown): Document[] {
  return Array.isArray(value) ? value.filter(isDocument) : [];
}

function isDocument(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
