// The address of the page is its state: views have paths, and what a view shows is in its query.
import { signal } from "@preact/signals";

export interface Route {
  path: string;
  query: URLSearchParams;
}

function here(): Route {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

export const route = signal<Route>(here());

export function go(address: string, { replace = false } = {}): void {
  if (address === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  const before = route.value.path;
  route.value = here();
  if (before !== route.value.path) scrollTo(0, 0);
}

export function serviceAddress(name: string): string {
  return `/services/${encodeURIComponent(name)}`;
}

/** Links within the page change the address and load nothing. */
export function followLinks(): void {
  addEventListener("popstate", () => {
    route.value = here();
  });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.origin !== location.origin || link.target !== "" || link.hasAttribute("download")) return;
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.pathname.startsWith("/api/")) return;
    event.preventDefault();
    if (link.hash !== "" && link.pathname === location.pathname) return;
    go(link.pathname + link.search);
  });
}
