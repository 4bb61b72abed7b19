// The token is sent once, in a header; what the browser keeps is a cookie that no script can read.
import { useState } from "preact/hooks";
import { Refused, wordsOf } from "../api/client";
import { logIn } from "../store";

export function Login() {
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const token = (form.elements.namedItem("token") as HTMLInputElement).value.trim();
    if (token === "") return;
    setBusy(true);
    try {
      await logIn(token);
    } catch (error) {
      const wrong = error instanceof Refused && error.status === 401;
      setFailure(wrong ? "That is not the token of this orchestrator." : wordsOf(error));
      setBusy(false);
    }
  }

  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)}>
        <h1>Container Orchestrator</h1>
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" autofocus required aria-describedby="token-help" />
        <p id="token-help" class="quiet">
          The value of <code>ORCHESTRATOR_API_TOKEN</code>, or of <code>ORCHESTRATOR_API_READ_TOKEN</code> to look only.
        </p>
        {failure !== "" && (
          <p class="failure" role="alert">
            {failure}
          </p>
        )}
        <button type="submit" class="primary" disabled={busy}>
          Log in
        </button>
      </form>
    </main>
  );
}
