// A question of a view to the API, asked when the view opens, again whenever what it depends on changes, and once more
// when a lost connection is there again.
import { useEffect, useState } from "preact/hooks";
import { ask, wordsOf } from "../api/client";
import { connection } from "../store";

export interface Answer<Shape> {
  value: Shape | null;
  /** Why there is none, or why it is not renewed; empty: all is well. */
  failure: string;
}

export function useAnswer<Shape>(path: string, again: unknown = null, every = 0): Answer<Shape> {
  const [answer, setAnswer] = useState<Answer<Shape> & { path: string }>({ value: null, failure: "", path });
  const open = connection.value.phase === "open";
  useEffect(() => {
    if (!open) return;
    const left = new AbortController();
    const read = () => {
      if (document.visibilityState !== "visible") return;
      ask<Shape>(path, { signal: left.signal })
        .then((value) => setAnswer({ value, failure: "", path }))
        .catch((error: unknown) => {
          if (left.signal.aborted) return;
          setAnswer((before) => ({ ...before, failure: wordsOf(error), path }));
        });
    };
    read();
    const timer = every > 0 ? setInterval(read, every) : undefined;
    return () => {
      left.abort();
      clearInterval(timer);
    };
  }, [path, again, every, open]);
  return answer.path === path ? answer : { value: null, failure: "" };
}
