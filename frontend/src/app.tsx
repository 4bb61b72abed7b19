// The frame around every view: who we are, where one can go, and what holds for all of it.
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { sentenceOf } from "./logic/sentence";
import { Banners } from "./parts/banners";
import { Empty, Loading } from "./parts/empty";
import { lazy } from "./parts/lazy";
import { route } from "./router";
import { connection, engineReachable, locked, logOut, openIncidents, services, session, state } from "./store";
import { IncidentsView, IncidentView } from "./views/incidents";
import { Login } from "./views/login";
import { Overview } from "./views/overview";
import { SystemView } from "./views/system";

const GraphView = lazy(() => import("./views/graph").then((loaded) => loaded.GraphView));
const ServiceView = lazy<{ name: string }>(() => import("./views/service/index").then((loaded) => loaded.ServiceView));

const PLACES = [
  ["/", "Overview"],
  ["/graph", "Graph"],
  ["/incidents", "Incidents"],
  ["/system", "System"],
] as const;

export function App() {
  useTitle();
  if (locked.value) return <Login />;
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="/">
          <Logo />
          <span>Orchestrator</span>
        </a>
        <nav aria-label="Views">
          {PLACES.map(([path, name]) => (
            <a key={path} href={path} aria-current={isHere(path) ? "page" : undefined}>
              {name}
              {path === "/incidents" && openIncidents.value.length > 0 && (
                <span class="count" title="open incidents">
                  {openIncidents.value.length}
                </span>
              )}
            </a>
          ))}
        </nav>
        <div class="who">
          <ConnectionState />
          {session.value?.may_change === false && <span class="tag">read only</span>}
          {session.value?.token_required === true && (
            <button type="button" class="plain" onClick={() => void logOut()}>
              Log out
            </button>
          )}
        </div>
      </header>
      <Banners />
      <main id="content" tabIndex={-1}>
        {state.value.known ? <View /> : <Loading />}
      </main>
    </>
  );
}

function isHere(path: string): boolean {
  const now = route.value.path;
  if (path === "/") return now === "/" || now.startsWith("/services/");
  return now === path || now.startsWith(`${path}/`);
}

function View() {
  const { path } = route.value;
  const [, first, rest] = /^\/([^/]*)(?:\/(.*))?$/.exec(path) ?? [];
  if (first === "services" && rest) return <ServiceView key={rest} name={decodeURIComponent(rest)} />;
  if (first === "incidents" && rest) return <IncidentView key={rest} id={Number(rest)} />;
  const View = VIEWS[path];
  if (View !== undefined) return <View />;
  return (
    <Empty whole title="There is no such page">
      <a href="/">Go to the overview</a>
    </Empty>
  );
}

const VIEWS: Readonly<Record<string, ComponentType>> = {
  "/": Overview,
  "/graph": GraphView,
  "/incidents": IncidentsView,
  "/system": SystemView,
};

function ConnectionState() {
  const { phase } = connection.value;
  const words = { open: "live", connecting: "connecting", lost: "connection lost" }[phase];
  return (
    <span class={`live live-${phase}`} role="status">
      <span class="live-dot" aria-hidden="true" />
      <span class="live-word">{words}</span>
    </span>
  );
}

/** How it is can be read off the tab. */
function useTitle() {
  const all = [...services.value.values()].map((seen) => seen.service);
  const sentence = state.value.known ? sentenceOf(all, engineReachable.value) : null;
  const sign = sentence === null ? "" : { well: "● ", busy: "◐ ", bad: "▲ ", unknown: "? " }[sentence.tone];
  const title = locked.value ? "Log in" : (sentence?.text ?? "Connecting");
  useEffect(() => {
    document.title = `${sign}${title} · Orchestrator`;
  }, [sign, title]);
}

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="5" cy="7" r="2.6" />
      <circle cx="5" cy="17" r="2.6" />
      <circle class="full" cx="19" cy="12" r="3.2" />
      <path d="M7.6 7.4c4 .5 4 3 8 3.8M7.6 16.6c4-.5 4-3 8-3.8" />
    </svg>
  );
}
