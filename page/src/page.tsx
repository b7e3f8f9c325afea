import { render } from "preact";
import { App } from "./app.tsx";
import { keepUp } from "./following.ts";
import { configure } from "./limits.ts";
import { begin } from "./session.ts";
import { announce, complain } from "./status.tsx";
import { onArrival } from "./uploads.ts";
import { arrived } from "./videos.ts";

begin();
void configure();
onArrival((videoId, name) => {
  arrived(videoId, name);
  announce(`${name} is uploaded. It is converted now.`);
}, complain);
keepUp();
render(<App />, document.body);
