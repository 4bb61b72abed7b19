// One question to the API. What it refuses is a Refused, with the words for people; what did not come through is not.
import type { Problem } from "./types";

export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(problem: Pick<Problem, "status" | "code" | "detail">) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
  }
}

type Method = "GET" | "POST";

let whenLocked: () => void = () => undefined;

/** Told whenever a token is asked for: the session ended, or there was none. */
export function onLocked(told: () => void): void {
  whenLocked = told;
}

export async function ask<Answer>(
  path: string,
  { method = "GET", token, signal }: { method?: Method; token?: string; signal?: AbortSignal } = {},
): Promise<Answer> {
  const response = await open(path, method, token, signal);
  return (response.status === 204 ? undefined : await response.json()) as Answer;
}

/** An answer that is read as it comes. */
export async function open(
  path: string,
  method: Method = "GET",
  token?: string,
  signal?: AbortSignal,
): Promise<Response> {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(path, { method, headers, credentials: "same-origin", signal: signal ?? null });
  if (response.ok || isVerdict(response)) return response;
  if (response.status === 401 && token === undefined) whenLocked();
  throw new Refused(await problemOf(response));
}

/** 503 with the whole answer: a critical service is down, which is what was asked. */
function isVerdict(response: Response): boolean {
  return response.status === 503 && response.headers.get("content-type") === "application/json";
}

async function problemOf(response: Response): Promise<Pick<Problem, "status" | "code" | "detail">> {
  try {
    return (await response.json()) as Problem;
  } catch {
    const detail = `The answer was ${response.status}, without a reason: something else than the orchestrator gave it.`;
    return { status: response.status, code: "http", detail };
  }
}

/** What went wrong, in words, whatever was thrown. */
export function wordsOf(error: unknown): string {
  if (error instanceof Refused) return error.message;
  return "The orchestrator did not answer. What was asked for may have been done: look before you repeat it.";
}
