// How long its probes took, by uPlot: answers as a line, failures as marks on the ground.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { ServiceLatency } from "../../api/types";
import { latency } from "../../logic/time";
import { useAnswer } from "../../parts/answer";

const HEIGHT = 150;
const EVERY = 5_000;

export function Latency({ name }: { name: string }) {
  const { value } = useAnswer<ServiceLatency>(`/api/system/services/${encodeURIComponent(name)}/latency`, null, EVERY);
  const samples = value?.samples ?? [];
  const answered = samples.flatMap((one) => (one.latency_ms === null ? [] : [one.latency_ms]));
  return (
    <section class="latency" aria-label="Probe latency">
      <div class="section-head">
        <h2>Probe latency</h2>
        <span class="quiet">{summary(answered, samples.filter((one) => one.verdict === "fail").length)}</span>
      </div>
      <div class="plot-room">
        {value === null || samples.length === 0 ? (
          <p class="quiet plot-empty">{value === null ? "" : "No probe yet since the orchestrator started."}</p>
        ) : (
          <Plot samples={samples} />
        )}
      </div>
    </section>
  );
}

function summary(answered: number[], failed: number): string {
  if (answered.length === 0) return failed === 0 ? "" : `${failed} failed`;
  const sorted = [...answered].sort((a, b) => a - b);
  const at = (share: number) => latency(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] as number);
  const words = `median ${at(0.5)} · 99 % under ${at(0.99)} · ${answered.length} probes`;
  return failed === 0 ? words : `${words}, ${failed} failed`;
}

function Plot({ samples }: { samples: ServiceLatency["samples"] }) {
  const room = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const table: uPlot.AlignedData = [
    samples.map((one) => Date.parse(one.at) / 1000),
    samples.map((one) => (one.verdict === "pass" ? one.latency_ms : null)),
    samples.map((one) => (one.verdict === "fail" ? (one.latency_ms ?? 0) : null)),
  ];
  const latest = useRef(table);
  latest.current = table;

  useEffect(() => {
    const parent = room.current;
    if (parent === null) return;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(parent), latest.current, parent);
    };
    make();
    const sized = new ResizeObserver(() => plot.current?.setSize({ width: parent.clientWidth, height: HEIGHT }));
    sized.observe(parent);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", make);
    return () => {
      dark.removeEventListener("change", make);
      sized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(table));
  return <div class="plot" ref={room} />;
}

function options(parent: HTMLElement): uPlot.Options {
  const style = getComputedStyle(parent);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = { stroke: style.color, grid: { stroke: colour("--chart-grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  return {
    width: parent.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.15)] } },
    axes: [
      { ...axis, size: 26, values: (_plot, ticks) => ticks.map((at) => new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false })), space: 90 },
      { ...axis, size: 58, values: (_plot, ticks) => ticks.map((one) => (one === 0 ? "0" : latency(one))), space: 32 },
    ],
    series: [
      {},
      { stroke: colour("--chart-line"), fill: colour("--chart-fill"), width: 1.5, points: { show: false }, spanGaps: true },
      { stroke: colour("--chart-fail"), width: 0, points: { show: true, size: 7, fill: colour("--chart-fail") } },
    ],
  };
}
