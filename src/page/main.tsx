// SPDX-License-Identifier: Apache-2.0
import { render } from "preact";
import { loadMe, loadModels } from "./app";
import { loadConversations } from "./conversations";
import "./style/page.css";
import { App } from "./ui/page";

render(<App />, document.getElementById("app")!);
void Promise.all([loadMe(), loadModels(), loadConversations()]);
