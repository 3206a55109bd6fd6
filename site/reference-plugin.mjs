// A plugin for TypeDoc that makes its pages shorter and tells how to import what they describe.
import { readFileSync } from "node:fs";
import path from "node:path";
import { Converter, ReflectionKind } from "typedoc";
import { MarkdownPageEvent } from "typedoc-plugin-markdown";

const { name: packageName } = JSON.parse(readFileSync(path.join(import.meta.dirname, "../package.json"), "utf8"));

/** The name of the module that the package's root exports. TypeDoc calls it after its file. */
const root = "root";
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children) if (module.name === "index") module.name = root;
  });
  app.renderer.on(MarkdownPageEvent.END, (page) => {
    if (page.model.isProject()) {
      page.contents = page.contents
        .replace("## Modules", "What each entry of the package exports. The pages are made from the docstrings.")
        .replaceAll(/^- \[(?<name>[\w-]+)\]/gm, (_, name) => `- [\`${entryOf(name)}\`]`);
      return;
    }
    page.contents = shorter(page.contents, (name) => linkTo(name, page, app)).replace(
      /^# .*\n/,
      (heading) =>
        `${page.model.kindOf(ReflectionKind.Module) ? `# ${entryOf(page.model.name)}\n` : heading}${origin(page.model)}`,
    );
  });
}

/** Returns the name by which programs import a module. */
function entryOf(name) {
  return name === root ? packageName : `${packageName}/${name}`;
}

/** How to import it. */
function origin(reflection) {
  if (!reflection.parent?.kindOf(ReflectionKind.Module)) return "";
  const isType = reflection.kindOf([ReflectionKind.Interface, ReflectionKind.TypeAlias]);
  const what = isType ? `type ${reflection.name}` : reflection.name;
  return `\n\`\`\`ts\nimport { ${what} } from "${entryOf(reflection.parent.name)}";\n\`\`\`\n`;
}

function linkTo(name, page, app) {
  const target = page.project.getReflectionsByKind(ReflectionKind.Class).find((one) => one.name === name);
  return target === undefined || target === page.model
    ? name
    : `[${name}](${app.renderer.router.relativeUrl(page.model, target)})`;
}

function shorter(markdown, link) {
  return (
    markdown
      // What a member overrides in a class of another package is there, not here.
      .replaceAll(/^#+ Overrides\n\n.*\n+/gm, "")
      .replaceAll(/^#+ Inherited from\n\n(?<from>.*)$/gm, "Inherited from $<from>")
      .replaceAll(/^#+ Default\n\n```ts\n(?<value>.*)\n```$/gm, "**Default:** `$<value>`")
      // One list of all errors.
      .replaceAll(
        /^(?<level>#+) Throws\n\n(?<text>(?:.|\n(?!\n#))*)/gm,
        (_, level, text) => `${level} Throws\n\n- ${linked(text, link)}`,
      )
      .replaceAll(/(?<=^- .*(?:\n.+)*)\n\n#+ Throws\n\n(?=- )/gm, "\n")
      .replaceAll(/^\*\*\*\n\n/gm, "")
  );
}

/** Makes the name of the error, with which the text begins, a link; the text becomes an item of a list. */
function linked(text, link) {
  return text
    .trim()
    .replace(/^\w+Error\b/, link)
    .replaceAll("\n", "\n  ");
}
