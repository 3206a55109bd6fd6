import { readFileSync } from "node:fs";
import path from "node:path";
import { repositoryLinks, slugOf } from "../links.mjs";
import { generated, placeOf, root } from "../pages.mjs";
import { documentationSidebar, referenceSidebar } from "../sidebar.mjs";

const { name, description } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

export default {
  title: name,
  description,
  lang: "en",
  srcDir: generated,
  outDir: path.join(root, "site/dist"),
  rewrites: (file) => placeOf(file) ?? file,
  // The pictures follow the colours that the system prefers, so the pages follow them too.
  appearance: "force-auto",
  head: [["link", { rel: "icon", href: "data:," }]],
  markdown: {
    config: (markdown) => void markdown.use(repositoryLinks),
    anchor: { slugify: slugOf },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  // The index of the search is one file, which is loaded when somebody searches.
  vite: { build: { chunkSizeWarningLimit: 1_500 } },
  themeConfig: {
    search: { provider: "local" },
    outline: { level: [2, 3], label: "On this page" },
    nav: [
      { text: "Documentation", link: "/overview", activeMatch: "^/(?!reference|changelog)." },
      { text: "API reference", link: "/reference/", activeMatch: "^/reference/" },
      { text: "Changes", link: "/changelog" },
    ],
    sidebar: { "/reference/": referenceSidebar(), "/": documentationSidebar() },
  },
};
