// A markdown-it plugin for links that are written for the repository.
import { existsSync } from "node:fs";
import path from "node:path";
import { generated, pageFor, placeOf, root } from "./pages.mjs";

/**
 * Makes each relative link to a page lead to the page's place on the site, and leaves the text alone of a link to any
 * other file, such as a source file, which the site does not have.
 *
 * @throws Error when there is no such file. A link to a page that does not exist is left to VitePress, which names all.
 */
export function repositoryLinks(markdown) {
  markdown.core.ruler.push("repository-links", ({ tokens, env }) => {
    const from = env.realPath ?? env.path;
    for (const { children } of tokens) {
      for (const [index, token] of (children ?? []).entries()) {
        const href = token.type === "link_open" ? token.attrGet("href") : null;
        if (href === null || /^(?:[a-z]+:|#|\/)/.test(href)) continue;
        const place = placeFor(href, from);
        if (place !== undefined) token.attrSet("href", place);
        else {
          withoutMarkup(token);
          withoutMarkup(children.slice(index).find(({ type }) => type === "link_close"));
        }
      }
    }
  });
}

function placeFor(href, from) {
  const [, name, anchor] = /^([^#]*)(#.*)?$/.exec(href);
  const file = path
    .relative(generated, path.join(path.dirname(from), decodeURI(name)))
    .split(path.sep)
    .join("/");
  const place = placeOf(pageFor(file));
  if (place !== undefined) return `/${place}${anchor ?? ""}`;
  if (!existsSync(path.join(root, file)))
    throw new Error(`${path.relative(generated, from)} links to ${href}: no such file.`);
  return undefined;
}

function withoutMarkup(token) {
  token.type = "text";
  token.content = "";
}

/** Returns the anchor of a heading as GitHub spells it, so that a link with one works in both places. */
export function slugOf(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}
