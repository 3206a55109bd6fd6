// `npm run docs`: makes the pages of the API reference and the home page, then the site.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Application, TSConfigReader, TypeDocReader } from "typedoc";
import { build } from "vitepress";
import { homePage } from "./home.mjs";
import { generated, pictures, root, writtenPages } from "./pages.mjs";

process.chdir(import.meta.dirname);
rmSync(generated, { recursive: true, force: true });
mkdirSync(generated);
for (const file of [...writtenPages, ...pictures]) cpSync(path.join(root, file), path.join(generated, file));
writeFileSync(path.join(generated, "home.md"), homePage(readFileSync(path.join(root, "README.md"), "utf8")));
await makeReference();
await build(import.meta.dirname);

console.log(`
The pages are in ${path.relative(process.env.INIT_CWD ?? root, path.join(root, "site/dist"))}. To look at them:

    npm --prefix site run preview
`);

async function makeReference() {
  const app = await Application.bootstrapWithPlugins({}, [new TypeDocReader(), new TSConfigReader()]);
  const project = await app.convert();
  if (project !== undefined) await app.generateOutputs(project);
  if (project === undefined || app.logger.hasErrors() || app.logger.hasWarnings()) {
    throw new Error("TypeDoc complains of a docstring. Its messages are above.");
  }
}
