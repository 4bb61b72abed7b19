// A view that is fetched when it is opened: the first paint does not wait for charts and layouts.
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { connection } from "../store";
import { Failure, Loading } from "./empty";

const MEANWHILE = 1000;

export function lazy<Props extends object = object>(load: () => Promise<ComponentType<Props>>) {
  let loaded: ComponentType<Props> | null = null;
  const fetched = async () => {
    loaded = await load();
  };
  // while nobody waits for it: the server may be gone when somebody does
  setTimeout(() => void fetched().catch(() => undefined), MEANWHILE);
  return function Lazy(props: Props & JSX.IntrinsicAttributes) {
    const [, setFetched] = useState(false);
    const [failed, setFailed] = useState(false);
    const { phase } = connection.value;
    useEffect(() => {
      if (loaded !== null || phase === "lost") return;
      setFailed(false);
      fetched()
        .then(() => setFetched(true))
        .catch(() => setFailed(true));
    }, [phase]);
    if (failed) return <Failure words="This view could not be loaded: the orchestrator may be newer than this page. Reload it." />;
    const View = loaded;
    return View === null ? <Loading /> : <View {...props} />;
  };
}
