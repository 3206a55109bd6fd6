// Which files of the repository are pages, and where each one is on the site. The build copies them to `generated`, beside
// the pages that it makes, in the folders that they have in the repository: so their relative links mean the same.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

export const root = path.join(import.meta.dirname, "..");
export const generated = path.join(import.meta.dirname, "generated");

/** Pages that are not in docs or not at the place that their name has, by their path in the repository. */
const places = {
  "home.md": "index.md",
  "README.md": "overview.md",
  "docs/README.md": "contents.md",
  "examples/chat-server/README.md": "chat-service.md",
  "CHANGELOG.md": "changelog.md",
  "CONTRIBUTING.md": "contributing.md",
  "SECURITY.md": "security.md",
};

const documentation = readdirSync(path.join(root, "docs"), { recursive: true }).map(
  (name) => `docs/${name.split(path.sep).join("/")}`,
);

/** Every page that is written by hand, as a path in the repository. */
export const writtenPages = [
  ...new Set([...Object.keys(places), ...documentation.filter((file) => file.endsWith(".md"))]),
].filter((file) => existsSync(path.join(root, file)));

/** What the pages show. */
export const pictures = documentation.filter((file) => file.endsWith(".svg"));

/** Returns the page's place on the site, `undefined` for a file that is no page. */
export function placeOf(file) {
  if (Object.hasOwn(places, file)) return places[file];
  return /^(?:docs\/(?=.*\.md$)|(?=reference\/))(?<place>.+)$/.exec(file)?.groups.place;
}

/** Returns what the repository shows for `file`: the file itself, or the README of a folder. */
export function pageFor(file) {
  const full = path.join(root, file);
  return existsSync(full) && statSync(full).isDirectory() ? path.posix.join(file, "README.md") : file;
}

/** Returns the text of the page's first heading. */
export function titleOf(file) {
  return /^# (?<title>.+)$/m.exec(readFileSync(path.join(root, file), "utf8"))?.groups.title ?? file;
}
