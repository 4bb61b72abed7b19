// The WebSocket: opened, lost and opened again, resumed after the newest event; messages are handed over in batches.
import type { Message } from "./messages";

export type Connection =
  | { readonly phase: "connecting" }
  | { readonly phase: "open" }
  | { readonly phase: "lost"; readonly since: number; readonly retryAt: number };

const SHORTEST_WAIT = 500;
const LONGEST_WAIT = 10_000;
const BATCH_WITHIN = 16;
/** A socket that neither opens nor fails in so many milliseconds is given up. */
const OPEN_WITHIN = 8_000;

interface Ears {
  /** The newest event that is known; null: none. */
  since: () => number | null;
  onMessages: (messages: readonly Message[]) => void;
  onChange: (connection: Connection) => void;
  /** It ended before it was open: is it that a token is asked for? */
  onRefused: () => void;
}

/** The wait before the next attempt after so many that failed, in milliseconds. */
export function waitAfter(failures: number): number {
  return Math.min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** Math.min(failures, 10));
}

export class Stream {
  private socket: WebSocket | null = null;
  private failures = 0;
  private lostAt: number | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waiting: Message[] = [];
  private over = false;

  constructor(
    private readonly address: string,
    private readonly ears: Ears,
  ) {}

  open(): void {
    clearTimeout(this.timer);
    if (this.over) return;
    if (this.lostAt === null) this.ears.onChange({ phase: "connecting" });
    const since = this.ears.since();
    const socket = new WebSocket(since === null ? this.address : `${this.address}?since=${since}`);
    this.socket = socket;
    let wasOpen = false;
    const late = setTimeout(() => socket.close(), OPEN_WITHIN);
    socket.onopen = () => {
      wasOpen = true;
      clearTimeout(late);
      this.failures = 0;
      this.lostAt = null;
      this.ears.onChange({ phase: "open" });
    };
    socket.onmessage = (event: MessageEvent<string>) => this.put(JSON.parse(event.data) as Message);
    socket.onclose = () => {
      clearTimeout(late);
      if (this.socket === socket) this.lost(wasOpen);
    };
  }

  /** At once, whatever the wait is at. */
  retry(): void {
    if (this.lostAt !== null && this.socket === null) this.open();
  }

  /** What the socket does not know yet: nobody answers. */
  drop(): void {
    this.socket?.close();
  }

  end(): void {
    this.over = true;
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private put(message: Message): void {
    if (this.waiting.length === 0) setTimeout(() => this.hand(), BATCH_WITHIN);
    this.waiting.push(message);
  }

  private hand(): void {
    const messages = this.waiting;
    this.waiting = [];
    this.ears.onMessages(messages);
  }

  private lost(wasOpen: boolean): void {
    this.socket = null;
    if (this.over) return;
    if (!wasOpen) this.ears.onRefused();
    const wait = waitAfter(this.failures);
    this.failures += 1;
    this.lostAt ??= Date.now();
    this.ears.onChange({ phase: "lost", since: this.lostAt, retryAt: Date.now() + wait });
    this.timer = setTimeout(() => this.open(), wait);
  }
}
