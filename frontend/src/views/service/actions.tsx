// Buttons, the question before something is done, and how it went: from asked for to verified.
import { useState } from "preact/hooks";
import { ask, wordsOf } from "../../api/client";
import type { ActionAnswer, Graph, Service } from "../../api/types";
import { addressOf, concerned, isSlow, type Verb, VERBS, verbsFor } from "../../logic/actions";
import { took } from "../../logic/time";
import { useAnswer } from "../../parts/answer";
import { Dialog } from "../../parts/dialog";
import { StatusWord } from "../../parts/mark";
import { now } from "../../store";

type Progress =
  | { phase: "under way"; verb: Verb; since: number }
  | { phase: "done" | "failed"; verb: Verb; words: string };

interface Wish {
  resetFailures?: boolean;
  length?: string;
  why?: string;
}

export function Actions({ service }: { service: Service }) {
  const [asked, setAsked] = useState<Verb | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);

  async function carryOut(verb: Verb, wish: Wish) {
    setAsked(null);
    setProgress({ phase: "under way", verb, since: Date.now() });
    try {
      const answer = await ask<ActionAnswer>(addressOf(service.name, verb, wish), { method: "POST" });
      setProgress({ phase: "done", verb, words: answer.message });
    } catch (error) {
      setProgress({ phase: "failed", verb, words: wordsOf(error) });
    }
  }

  return (
    <>
      <div class="actions" role="group" aria-label="Actions">
        {verbsFor(service).map((verb) => (
          <button
            type="button"
            key={verb}
            disabled={progress?.phase === "under way"}
            onClick={() => setAsked(verb)}
          >
            {VERBS[verb].name}
          </button>
        ))}
      </div>
      {progress !== null && <Outcome progress={progress} service={service} onDismiss={() => setProgress(null)} />}
      {asked !== null && (
        <Question
          verb={asked}
          service={service}
          onAnswer={(wish) => (wish === null ? setAsked(null) : void carryOut(asked, wish))}
        />
      )}
    </>
  );
}

function Outcome({ progress, service, onDismiss }: { progress: Progress; service: Service; onDismiss: () => void }) {
  const name = VERBS[progress.verb].name;
  if (progress.phase === "under way") {
    return (
      <div class="outcome" role="status">
        <span class="spinner" aria-hidden="true" />
        <p>
          <strong>{name}</strong> under way for {took(Math.max(0, Math.floor((now.value - progress.since) / 1000)))}:{" "}
          <StatusWord status={service.status} atRest={service.at_rest} />
          {isSlow(progress.verb) && <span class="quiet"> Done when it is verified.</span>}
        </p>
      </div>
    );
  }
  return (
    <div class={`outcome outcome-${progress.phase}`} role={progress.phase === "failed" ? "alert" : "status"}>
      <p>
        <strong>
          {name} {progress.phase === "done" ? (isSlow(progress.verb) ? "verified" : "done") : "failed"}
        </strong>
        : {progress.words}
      </p>
      <button type="button" class="plain" onClick={onDismiss}>
        Dismiss
      </button>
    </div>
  );
}

function Question({ verb, service, onAnswer }: { verb: Verb; service: Service; onAnswer: (wish: Wish | null) => void }) {
  const { name, does, grave } = VERBS[verb];
  const [wish, setWish] = useState<Wish>(verb === "hold" ? { length: "1h" } : {});
  return (
    <Dialog title={`${name} ${service.display_name}?`} onClose={() => onAnswer(null)}>
      <p>{does}</p>
      {grave && <Concerned service={service} verb={verb} />}
      {verb === "restart" && (
        <label class="check">
          <input type="checkbox" onChange={(event) => setWish({ ...wish, resetFailures: event.currentTarget.checked })} />
          Also forget its failures so far
        </label>
      )}
      {verb === "hold" && (
        <>
          <label class="field">
            For
            <select value={wish.length} onChange={(event) => setWish({ ...wish, length: event.currentTarget.value })}>
              <option value="15m">15 minutes</option>
              <option value="1h">1 hour</option>
              <option value="4h">4 hours</option>
              <option value="24h">a day</option>
              <option value="168h">a week</option>
            </select>
          </label>
          <label class="field">
            Why, for the others
            <input maxLength={200} onInput={(event) => setWish({ ...wish, why: event.currentTarget.value })} />
          </label>
        </>
      )}
      <div class="dialog-foot">
        <button type="button" onClick={() => onAnswer(null)}>
          Cancel
        </button>
        <button type="button" class={grave && verb !== "restart" ? "primary grave" : "primary"} onClick={() => onAnswer(wish)}>
          {name}
        </button>
      </div>
    </Dialog>
  );
}

function Concerned({ service, verb }: { service: Service; verb: Verb }) {
  const { value: graph, failure } = useAnswer<Graph>("/api/system/graph");
  if (graph === null) return <p class="quiet">{failure || "Looking who depends on it…"}</p>;
  const { hard, soft } = concerned(service.name, graph.edges);
  if (hard.length === 0 && soft.length === 0) return <p>Nothing depends on it.</p>;
  const meanwhile = verb === "restart" ? "they may fail until it is back" : "they wait for it from then on";
  return (
    <div class="concerned">
      {hard.length > 0 && (
        <p>
          <strong>{listed(hard)}</strong> {hard.length === 1 ? "depends" : "depend"} on it: {meanwhile}.
        </p>
      )}
      {soft.length > 0 && <p>{listed(soft)} can do without it.</p>}
    </div>
  );
}

function listed(names: string[]): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}
