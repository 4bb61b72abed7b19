// What holds for the whole page and must not be missed: how far what is shown can be trusted, and what is held back.
import { connection, engineReachable, now, retryNow, state } from "../store";
import { Age } from "./time";

export function Banners() {
  const { known, system, missed, upgraded } = state.value;
  return (
    <div class="banners" aria-live="polite">
      <ConnectionLost />
      {known && !engineReachable.value && system !== null && (
        <div class="banner tone-unhealthy">
          <p>
            <strong>The engine is away</strong> since <Age at={system.engine.since} />: statuses are as last seen, and
            nothing is acted on. {system.engine.detail}
          </p>
        </div>
      )}
      {system?.dry_run === true && (
        <div class="banner tone-starting">
          <p>
            <strong>Shadow mode</strong>: everything is decided and told, and nothing is done.
          </p>
        </div>
      )}
      {system !== null && system.restarts_paused !== "" && (
        <div class="banner tone-stopped">
          <p>
            <strong>Nothing is restarted by itself</strong>: {system.restarts_paused}
          </p>
        </div>
      )}
      {system !== null && !system.store.healthy && (
        <div class="banner tone-stopped">
          <p>
            <strong>The state cannot be written</strong>: {system.store.detail} Healing goes on from memory.
          </p>
        </div>
      )}
      {upgraded && (
        <div class="banner tone-rest">
          <p>The orchestrator is another version now than this page.</p>
          <button type="button" onClick={() => location.reload()}>
            Reload
          </button>
        </div>
      )}
      {missed && (
        <div class="banner tone-rest">
          <p>More happened while this page was away than can be told again. The statuses are right; events may be missing.</p>
        </div>
      )}
    </div>
  );
}

function ConnectionLost() {
  const is = connection.value;
  if (is.phase !== "lost") return null;
  const wait = Math.max(0, Math.ceil((is.retryAt - Date.now()) / 1000));
  void now.value; // ticks
  return (
    <div class="banner tone-stopped">
      <p>
        <strong>The connection is lost.</strong>{" "}
        {state.value.known ? "What you see is as it was when it was lost. " : ""}
        {wait === 0 ? "Trying again." : `Trying again in ${wait} s.`}
      </p>
      <button type="button" onClick={retryNow}>
        Try now
      </button>
    </div>
  );
}
