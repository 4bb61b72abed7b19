// Nothing to show: why, and what to do next.
import type { ComponentChildren } from "preact";

/** `whole`: it is all that the page holds, so its title is the page's. */
export function Empty({ title, whole = false, children }: { title: string; whole?: boolean; children?: ComponentChildren }) {
  return (
    <div class="empty">
      {whole ? <h1 class="empty-title">{title}</h1> : <p class="empty-title">{title}</p>}
      {children !== undefined && <div class="empty-text">{children}</div>}
    </div>
  );
}

export function Loading() {
  return (
    <p class="loading" role="status">
      Loading…
    </p>
  );
}

export function Failure({ words }: { words: string }) {
  return (
    <p class="failure" role="alert">
      {words}
    </p>
  );
}
