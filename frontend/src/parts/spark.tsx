// The newest probe latencies of one service as a line, small enough for a card.
import { latency } from "../logic/time";
import { sparkOf } from "../logic/spark";

export function Spark({ values, words = true }: { values: readonly (number | null)[] | undefined; words?: boolean }) {
  const known = values?.filter((value) => value !== null) ?? [];
  const last = known[known.length - 1];
  const shape = sparkOf(values ?? []);
  const text = last === undefined ? "not probed yet" : `${latency(last)} at the last probe`;
  return (
    <span class="spark" title={`Probe latency: ${text}`}>
      <svg viewBox="0 0 72 18" preserveAspectRatio="none" aria-hidden="true">
        {shape.line !== "" && <path d={shape.line} vector-effect="non-scaling-stroke" />}
        {shape.gaps.map((x) => (
          <path class="gap" key={x} d={`M${x} 13V18`} vector-effect="non-scaling-stroke" />
        ))}
      </svg>
      {words && <span class="figure">{last === undefined ? "–" : latency(last)}</span>}
    </span>
  );
}
