import { render } from "preact";
import { App } from "./app";
import { followLinks } from "./router";
import { start } from "./store";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/views.css";

followLinks();
start();
render(<App />, document.getElementById("page") as HTMLElement);
