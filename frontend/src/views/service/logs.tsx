// What its container writes, as it writes it: followed, paused, searched.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { open, wordsOf } from "../../api/client";
import type { LogLine } from "../../api/types";
import { keep, matching, pieces, Splitter } from "../../logic/lines";
import { moment } from "../../logic/time";
import { Empty } from "../../parts/empty";
import { memo } from "../../parts/memo";
import { now, services } from "../../store";

const TAIL = 300;
const SHOW_WITHIN = 120;

export function Logs({ name }: { name: string }) {
  const [words, setWords] = useState("");
  const [paused, setPaused] = useState(false);
  const run = services.value.get(name)?.startedAt ?? null;
  const { lines, failure, ended } = useLines(name, run, paused);
  const shown = matching(lines, words);
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (atEnd.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  });
  return (
    <div class="logs">
      <div class="tools">
        <input
          type="search"
          aria-label="Search the log"
          placeholder="Search the log"
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? "Go on" : "Pause"}
        </button>
        <span class="quiet" role="status">
          {words === "" ? `${lines.length} lines` : `${shown.length} of ${lines.length} lines`}
          {paused ? ", paused" : ended ? ", ended" : ", live"}
        </span>
      </div>
      {failure !== "" && <p class="quiet">{failure}</p>}
      {lines.length === 0 && failure === "" && ended ? (
        <Empty title="It has written nothing" />
      ) : (
        <div
          ref={box}
          class="lines"
          tabIndex={0}
          role="log"
          aria-label={`Log of ${name}`}
          onScroll={() => {
            const { scrollTop, scrollHeight, clientHeight } = box.current as HTMLDivElement;
            atEnd.current = scrollHeight - scrollTop - clientHeight < 24;
          }}
        >
          {shown.map((one, index) => (
            <Line key={lines.length - shown.length + index} line={one} words={words} />
          ))}
        </div>
      )}
    </div>
  );
}

const Line = memo(function Line({ line, words }: { line: LogLine; words: string }) {
  return (
    <div class={`line line-${line.stream}`}>
      {line.timestamp !== null && <time dateTime={line.timestamp}>{moment(Date.parse(line.timestamp), now.peek())}</time>}
      {line.stream === "stderr" && <abbr title="written to stderr">err</abbr>}
      <span>
        {pieces(line.line, words).map((piece, index) => (index % 2 === 1 ? <mark key={index}>{piece}</mark> : piece))}
      </span>
    </div>
  );
});

/** Follows one run; the next run is followed anew. While it is paused, lines wait. */
function useLines(name: string, run: number | null, paused: boolean) {
  const [lines, setLines] = useState<LogLine[]>([]);
  const [failure, setFailure] = useState("");
  const [ended, setEnded] = useState(false);
  const held = useRef(paused);
  held.current = paused;
  const waiting = useRef<LogLine[]>([]);

  function show() {
    if (held.current || waiting.current.length === 0) return;
    const more = waiting.current;
    waiting.current = [];
    setLines((before) => keep(before, more));
  }

  useEffect(show, [paused]);
  useEffect(() => {
    const left = new AbortController();
    setLines([]);
    setFailure("");
    setEnded(false);
    waiting.current = [];
    const timer = setInterval(show, SHOW_WITHIN);
    void follow(name, left.signal, (more) => {
      waiting.current = keep(waiting.current, more);
    })
      .catch((error: unknown) => {
        if (!left.signal.aborted) setFailure(wordsOf(error));
      })
      .finally(() => {
        if (!left.signal.aborted) setEnded(true);
      });
    return () => {
      left.abort();
      clearInterval(timer);
    };
  }, [name, run === null ? null : Math.round(run / 5000)]);
  return { lines, failure, ended };
}

async function follow(name: string, signal: AbortSignal, take: (lines: LogLine[]) => void): Promise<void> {
  const path = `/api/system/services/${encodeURIComponent(name)}/logs?tail=${TAIL}&follow=true`;
  const response = await open(path, "GET", undefined, signal);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const splitter = new Splitter();
  for (;;) {
    const part = await reader?.read();
    if (part === undefined || part.done) return;
    take(splitter.take(part.value));
  }
}
