// What it is configured with, and who says so.
import type { Settings } from "../../api/types";
import { useAnswer } from "../../parts/answer";
import { Failure, Loading } from "../../parts/empty";

export function Configuration({ name }: { name: string }) {
  const { value, failure } = useAnswer<Settings>(`/api/system/services/${encodeURIComponent(name)}/configuration`);
  if (value === null) return failure === "" ? <Loading /> : <Failure words={failure} />;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Configuration">
      <table class="settings">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col">Value</th>
            <th scope="col">From</th>
          </tr>
        </thead>
        <tbody>
          {value.settings.map((one) => (
            <tr key={one.key} class={one.source === "default" ? "is-default" : undefined}>
              <th scope="row">
                <code>{one.key}</code>
              </th>
              <td>{one.value === "" ? <span class="quiet">not set</span> : one.value}</td>
              <td>{one.source}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
