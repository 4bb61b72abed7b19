// A view that is fetched when it is opened: the first paint does not wait for charts and layouts.
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure, Loading } from "./empty";

export function lazy<Props extends object = object>(load: () => Promise<ComponentType<Props>>) {
  let loaded: ComponentType<Props> | null = null;
  return function Lazy(props: Props & JSX.IntrinsicAttributes) {
    const [, setShown] = useState(loaded);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (loaded !== null) return;
      load()
        .then((view) => {
          loaded = view;
          setShown(() => view);
        })
        .catch(() => setFailed(true));
    }, []);
    if (failed) return <Failure words="This view could not be loaded: the orchestrator may be newer than this page. Reload it." />;
    const View = loaded;
    return View === null ? <Loading /> : <View {...props} />;
  };
}
