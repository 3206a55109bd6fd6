// The program of docs/how-to/express.md, started as its reader starts it.
import { Page } from "./support/page.js";
import { startService } from "./support/service.js";
import { testService } from "./support/service-suite.js";
import { Site } from "./support/site.js";

const page = new Page("how-to/express.md");

testService(page, () => startService(new Site("express", page.files), ["--import", "tsx", "server.ts"]));
