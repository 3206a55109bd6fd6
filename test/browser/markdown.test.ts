import fc from "fast-check";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { amount, sampleOf } from "../support/amount.js";
import { illegibleTexts } from "./support/legibility.js";
import { useChat } from "./support/suite.js";

const chat = useChat();

const sample = `# A tour

Some *emphasis*, **strong *and both***, ~~struck~~, \`code <b>\`, a [link](https://example.com/a?b=1&amp;c=2 "t"),
a bare https://example.org/x_y_z, www.example.net, me@example.com, and ![a cat](https://example.com/cat.png).

### Third level first

| Name | Count | Notes |
|:-----|:-----:|------:|
| one | 1 | \`a\\|b\` |
| two | 2 | **x**<br>y |

1. First
2. Second
   - nested

   \`\`\`js
   const a = [1];
   \`\`\`
5. Fifth

- [x] done
- [ ] to do
* another list

> quoted
> > twice
lazy

\`\`\`python
def f(x):
    return "a" * x  # \`\`
\`\`\`

Setext
------

    indented code

<div class="x">html **not bold**
</div>

***

See [the paper][1] and [that]. &copy; &#8364; &lt;b&gt; &unknown; \\*not emphasis\\*

[1]: https://example.com/paper
[that]: https://example.com/that "Title"
Hard  
break

~~~~
~~~
unclosed **fence**`;

test("Markdown becomes elements, with an outline that goes on from the page's and links that say where they lead", async () => {
  const page = await pageWithView();
  await page.evaluate(`view.set(${JSON.stringify(sample)})`);
  const markdown = page.locator(".markdown");
  expect(await headings(page)).toEqual(["H2 A tour", "H3 Third level first", "H3 Setext"]);
  expect(await texts(page, "em")).toEqual(["emphasis", "and both"]);
  expect(await texts(page, "th")).toEqual(["Name", "Count", "Notes"]);
  expect(await texts(page, "td:nth-child(3)")).toEqual(["a|b", "x\ny"]);
  expect(await markdown.locator("td").nth(1).getAttribute("data-align")).toBe("center");
  expect(await page.getByRole("group", { name: "Table" }).getAttribute("tabindex")).toBe("0");
  expect(await texts(page, "ol > li > .code code")).toEqual(["const a = [1];"]);
  expect(await markdown.getByRole("img", { name: "Done:" }).count()).toBe(1);
  expect(await texts(page, "blockquote blockquote p")).toEqual(["twice\nlazy"]);
  expect(await texts(page, ".language")).toEqual(["js", "python", "", ""]);
  expect(await texts(page, ".as-written")).toEqual(['<div class="x">html **not bold**\n</div>']);
  expect(await markdown.innerText()).toContain("© € <b> &unknown; *not emphasis*");
  expect(
    await markdown.locator("a").evaluateAll((links) => links.map((link) => [link.textContent, link.title])),
  ).toEqual([
    ["link", "https://example.com/a?b=1&c=2"],
    ["https://example.org/x_y_z", "https://example.org/x_y_z"],
    ["www.example.net", "http://www.example.net/"],
    ["me@example.com", "mailto:me@example.com"],
    ["a cat", "https://example.com/cat.png"],
    ["the paper", "https://example.com/paper"],
    ["that", "https://example.com/that"],
  ]);
  for (const link of await markdown.locator("a").all()) {
    expect(await link.getAttribute("rel")).toBe("noopener noreferrer nofollow");
    expect(await link.getAttribute("target")).toBe("_blank");
  }
  expect(await markdown.locator("> :not(.code):not([dir=auto])").count()).toBe(0);
  expect(await markdown.locator("img").count()).toBe(0);
});

test("a text that arrives bit by bit, whatever the bits, ends as the same elements as the whole text", async () => {
  const page = await pageWithView();
  expect(await differences(page, sample, sample.split(""))).toEqual([]);
  const parts = fc.array(
    fc.oneof(
      fc.constantFrom(
        "\n",
        "\n\n",
        "  ",
        "- ",
        "1. ",
        "> ",
        "# ",
        "```",
        "```js\n",
        "~~~\n",
        "*",
        "**",
        "_",
        "`",
        "~~",
      ),
      fc.constantFrom(
        "[a]",
        "[a]: https://example.com\n",
        "[b](https://b.example)",
        "![",
        "](",
        "| a | b |\n",
        "|---|---|\n",
      ),
      fc.constantFrom(
        "<div>",
        "</div>",
        "<!--",
        "-->",
        "\t",
        "    ",
        "---\n",
        "===\n",
        "- [ ] ",
        "a",
        "word ",
        "\r\n",
        "\r",
        "\\",
        "&amp;",
      ),
    ),
    { maxLength: 40 },
  );
  for (const pieces of fc.sample(parts, { numRuns: amount(100, 400), seed: 20 })) {
    expect(await differences(page, pieces.join(""), pieces), JSON.stringify(pieces)).toEqual([]);
  }
});

test("blocks that are complete keep their elements, and what is selected in the last one stays selected", async () => {
  const page = await pageWithView();
  await page.evaluate(`view.append("# One\\n\\nTwo\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |\\n\\nThe last")`);
  await frames(page);
  await page.evaluate(`globalThis.before = [...view.element.children];
    getSelection().setBaseAndExtent(before[3].firstChild, 0, before[3].firstChild, 8);`);
  await page.evaluate(`view.append(" one **grows** and")`);
  await frames(page);
  expect(await page.evaluate(`before.map((node, index) => node === view.element.children[index])`)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(await page.evaluate(`getSelection().toString()`)).toBe("The last");
  expect(await texts(page, "strong")).toEqual(["grows"]);
});

test("the definition of a link counts for what is above it as soon as it arrives", async () => {
  const page = await pageWithView();
  for (const piece of ["See [the paper][1].\n\n", "b\n\n", "c\n\n", "d\n\n", "[1]: https://example.com/a", "bc\n\ne"]) {
    await page.evaluate(`view.append(${JSON.stringify(piece)})`);
    await frames(page);
  }
  expect(await page.locator(".markdown a").getAttribute("href")).toBe("https://example.com/abc");
});

const openEnds = [
  ["**bo", "p strong", "bo"],
  ["a *b", "em", "b"],
  ["see [the docs](https://exam", "p", "see the docs"],
  ["see [the docs]", "p", "see the docs"],
  ["x `co", "code", "co"],
  ["text **", "p", "text"],
  ["| a | b", "th", "a b"],
  ["| a | b |\n|--", "th", "a b"],
  ["```js\nlet a", ".code code", "let a"],
  ["```js\nlet a\n``", ".code code", "let a"],
  ["Title\n--", "p", "Title"],
  ["- a\n- ", "li", "a"],
] as const;

test("what is open at the end is shown as what it is going to be", async () => {
  const page = await pageWithView();
  for (const [text, selector, shown] of openEnds) {
    await page.evaluate(`view.set(""); view.append(${JSON.stringify(text)})`);
    await expect.poll(async () => (await texts(page, selector)).join(" "), { message: text }).toBe(shown);
    expect(await page.locator(".markdown").innerText(), text).not.toMatch(/[*[\]|]|--/);
  }
});

test("of a paragraph beyond 10,000 characters the rest of an answer does not depend: it is shown as it is written", async () => {
  const page = await pageWithView();
  await page.evaluate(`view.append("**first** " + "a ".repeat(4_990))`);
  await frames(page);
  expect(await texts(page, "strong")).toEqual(["first"]);
  await page.evaluate(`view.append("a ".repeat(20))`);
  await frames(page);
  expect(await texts(page, "strong")).toEqual([]);
  expect(await page.locator(".markdown").innerText()).toContain("**first** a a");
  await page.evaluate(`view.append("\\n\\n**second** one")`);
  await frames(page);
  expect(await texts(page, "strong")).toEqual(["second"]);
});

test("an end that never came is shown as it was written", async () => {
  const page = await pageWithView();
  await page.evaluate(`view.append("a **b [c](https://d")`);
  await frames(page);
  await page.evaluate(`view.end()`);
  expect(await page.locator(".markdown").innerText()).toBe("a **b [c](https://d");
});

const hostile = [
  `<script>globalThis.taken = 1</script>`,
  `<img src=x onerror="globalThis.taken = 1">`,
  `a <svg onload=alert(1)> b <a href="javascript:alert(1)" onclick=x>c</a>`,
  `<details open ontoggle=alert(1)>`,
  ...[
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java&#10;script:alert(1)",
    "java&Tab;script:alert(1)",
    "&#106;avascript:alert(1)",
    "&#x6A;avascript:alert(1)",
    "javascript&colon;alert(1)",
    "javascript&#58;alert(1)",
    "\u0001javascript:alert(1)",
    "&#1;javascript:alert(1)",
    "vbscript:msgbox(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:image/svg+xml;base64,PHN2Zy8+",
    "file:///etc/passwd",
    "blob:https://example.com/1",
    "intent://x#Intent;end",
    "//example.com/x",
    "/sessions",
    "?q",
  ].flatMap((address) => [
    `[x](${address})`,
    `[x](<${address}> "t")`,
    `![x](${address})`,
    `<${address}>`,
    `[x][r]\n\n[r]: ${address}`,
    `[![x](${address})](${address})`,
  ]),
  `[x](https://example.com/"onmouseover="alert(1))`,
  `![" onerror="alert(1)](https://example.com/x)`,
  `\`\`\`js" onclick="alert(1)\n</code><script>globalThis.taken = 1</script>\n\`\`\``,
  `\`\`\`html\n<script>globalThis.taken = 1</script>\n\`\`\``,
  `\`\`\`__proto__\nx\n\`\`\``,
  `[__proto__]: https://example.com\n\n[__proto__] [constructor] [toString]`,
  `| <img src=x onerror=alert(1)> | b |\n|---|---|\n| <script>x</script> | [a](javascript:x) |`,
];

test("hostile Markdown becomes no element but those of Markdown, and no address but of the web or of mail", async () => {
  const page = await pageWithView();
  for (const text of hostile) {
    await page.evaluate(`view.set(${JSON.stringify(text)})`);
    expect(await foreign(page), text).toEqual([]);
  }
  await page.evaluate(`view.set(${JSON.stringify(hostile.join("\n\n"))})`);
  expect(await foreign(page)).toEqual([]);
  expect(await page.evaluate("globalThis.taken")).toBeUndefined();
});

/** Of a length that is still searched for emphasis and links, and beyond. */
const filled = (part: string): string => part.repeat(9_900 / part.length);
const endless = {
  "quotes in quotes": `${"> ".repeat(1_000)}x`,
  "quotes in quotes, with lazy lines": `${"> ".repeat(1_000)}x\ny\n`.repeat(20),
  "lists in lists": `${"- ".repeat(1_000)}x`,
  "lists in lists, a line each": Array.from({ length: 1_000 }, (_, depth) => `${"  ".repeat(depth)}- x`).join("\n"),
  "quotes and lists": `${"> - ".repeat(1_000)}x`,
  "a line of a million letters": "a".repeat(1_000_000),
  "a line of a million letters in a list": `- ${"a".repeat(1_000_000)}`,
  "a line of a million letters in code": `\`\`\`js\n${"a".repeat(1_000_000)}\n\`\`\``,
  "a line of a million words": "ab cd ".repeat(170_000),
  "emphasis in emphasis": `${"*a **b ".repeat(500)}${"c** d* ".repeat(500)}`,
  "brackets in brackets": `${"[a".repeat(1_000)}${"](b)".repeat(1_000)}`,
  ...Object.fromEntries(
    [
      "*a ",
      "*a **b ",
      "_a__b",
      "[",
      "[a](",
      "![",
      "~~a ",
      "&#",
      "&amp;",
      "<a ",
      "<!--",
      "www.a",
      "a@b.c",
      "`",
      "\\",
    ].flatMap((part) => [
      [`${part} again and again`, filled(part)],
      [`${part} three times as often`, filled(part).repeat(3)],
    ]),
  ),
  backticks: Array.from({ length: 140 }, (_, index) => "`".repeat(index)).join(" "),
  "a wide table": `${"|a".repeat(2_000)}\n${"|-".repeat(2_000)}\n${"|b".repeat(2_000)}\n`,
  "a long table": `| a | b |\n|---|---|\n${"| c | d |\n".repeat(10_000)}`,
  pipes: "|".repeat(100_000),
  "link definitions": Array.from({ length: 3_000 }, (_, index) => `[${index}]: https://example.com/${index}`).join(
    "\n",
  ),
  "blank lines": `${"\n".repeat(200_000)}x`,
  "blank lines with spaces": `${" \n".repeat(50_000)}x`,
  spaces: `a${" ".repeat(200_000)}b`,
  "code in lists": "- ```js\n  a\n  ```\n".repeat(1_000),
  hashes: "#".repeat(100_000),
};

test("deep and long texts neither hang the page nor overflow its stack", async () => {
  const page = await pageWithView();
  for (const [name, text] of Object.entries(endless)) {
    const [depth, kept] = await page.evaluate<[number, boolean]>(`(() => {
      const text = ${JSON.stringify(text)};
      view.set(text);
      let depth = 0;
      for (let level = [view.element]; level.length > 0; level = level.flatMap((one) => [...one.children])) depth++;
      view.element.getBoundingClientRect();
      return [depth, view.text === text];
    })()`);
    expect(depth, name).toBeLessThan(80);
    expect(kept, name).toBe(true);
  }
});

test("bidirectional controls stay where they are, and in code they are seen", async () => {
  const page = await pageWithView();
  await page.evaluate(
    `view.set("a [\\u202elink](https://example.com/\\u202egpj) b\\n\\nnext\\n\\n\`x\\u202ey\`\\n\\n\`\`\`\\nif (a\\u2066) {}\\n\`\`\`")`,
  );
  const markdown = page.locator(".markdown");
  expect(await page.evaluate(`getComputedStyle(view.element.querySelector("a")).unicodeBidi`)).toBe("isolate");
  expect(await markdown.locator("a").getAttribute("title")).toBe("https://example.com/%E2%80%AEgpj");
  expect(await texts(page, "code")).toEqual(["x<U+202E>y", "if (a<U+2066>) {}"]);
  await page.evaluate(`view.set("שלום world\\n\\nEnglish שלום\\n\\n- שלום")`);
  expect(await page.evaluate(`[...view.element.children].map((block) => getComputedStyle(block).direction)`)).toEqual([
    "rtl",
    "ltr",
    "rtl",
  ]);
});

test.each(sampleOf("light", "dark"))(
  "code in languages that are known gets colours that can be read (%s)",
  async (colorScheme) => {
    const page = await pageWithView({ colorScheme });
    for (const [language, code] of Object.entries(snippets)) {
      await page.evaluate(`view.set(${JSON.stringify(`\`\`\`${language}\n${code}\n\`\`\``)})`);
      await page.locator("[data-highlighted]").waitFor();
      expect(await page.locator("[data-highlighted] span").count(), language).toBeGreaterThan(0);
      expect(await page.locator(".markdown code").textContent()).toBe(code);
    }
    await page.evaluate(
      `view.set(${JSON.stringify(
        `${sample}\n~~~~\n\n${Object.entries(snippets)
          .map(([language, code]) => `\`\`\`${language}\n${code}\n\`\`\``)
          .join("\n\n")}`,
      )})`,
    );
    await expect.poll(() => page.locator("[data-highlight]").count()).toBe(0);
    expect(await illegibleTexts(page)).toEqual([]);
  },
);

test("code has no colours before it is complete, and keeps them while more arrives", async () => {
  const page = await pageWithView();
  await page.evaluate(`view.append("- a\\n  \`\`\`js\\n  let a = 1;\\n")`);
  await frames(page);
  expect(await page.locator("[data-highlight], [data-highlighted]").count()).toBe(0);
  await page.evaluate(`view.append("  \`\`\`\\n")`);
  await page.locator("[data-highlighted] span").first().waitFor();
  await page.evaluate(`globalThis.before = view.element.querySelector("code span"); view.append("- b");`);
  await frames(page);
  expect(await page.evaluate(`before.isConnected`)).toBe(true);
});

test.each([
  ["with a clipboard", ""],
  ["over plain HTTP, where there is none", `Object.defineProperty(navigator, "clipboard", { value: undefined })`],
])("code is copied %s, and that is said", async (_name, script) => {
  const page = await pageWithView();
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const other = await page.context().newPage();
  await other.goto(chat.server.url);
  await page.bringToFront();
  await page.evaluate(script);
  await page.evaluate(`view.set("\`\`\`js\\nlet a = '<b>';\\n\`\`\`")`);
  await page.locator("[data-highlighted]").waitFor();
  const button = page.getByRole("button", { name: "Copy the code" });
  await button.click();
  await page.getByRole("status").filter({ hasText: "Copied." }).waitFor();
  expect(await button.innerText()).toBe("Copied");
  expect(await page.evaluate(`document.activeElement.className`)).toContain("copy");
  await other.bringToFront();
  expect(await other.evaluate(`navigator.clipboard.readText()`)).toBe("let a = '<b>';");
});

const snippets: Readonly<Record<string, string>> = {
  sh: 'echo "$HOME" # home',
  c: "int main(void) { return 0; }",
  "c++": "#include <vector>\nclass A { public: int b; };",
  cs: 'public class A { string b = "c"; }',
  css: "a:hover { color: #fff; }",
  diff: "- a\n+ b",
  dockerfile: "FROM node:22\nRUN npm ci",
  go: 'func main() { fmt.Println("a") }',
  java: "class A { int b = 1; }",
  js: "const a = `b ${1}`; // c",
  json: '{ "a": [1, true, null] }',
  kotlin: 'fun main() { println("a") }',
  php: '<?php echo "a"; ?>',
  py: '@a\ndef b(c: int) -> str:\n    """d"""\n    return f"{c}"',
  ruby: "def a = :b",
  rust: "fn main() -> Result<(), E> { let a = 1; }",
  sql: "SELECT count(*) FROM a WHERE b = 'c';",
  swift: 'let a: String = "b"',
  ts: "export interface A<T> { readonly b: T; }",
  html: '<a href="b">c</a><script>let d = 1;</script>',
  yaml: "a: 1\nb: [c, true]",
};

/** The page with a view of its own in place of what it shows. */
async function pageWithView(options?: Parameters<typeof chat.open>[0]): Promise<Page> {
  const { page } = await chat.open(options);
  await page.goto(chat.server.url);
  await page.getByRole("button", { name: "Sign in as Ada" }).waitFor();
  await page.evaluate(`(async () => {
    const base = document.querySelector("script[type=module]").src.replace(/app\\.js$/, "");
    const { MarkdownView } = await import(base + "markdown.js");
    globalThis.MarkdownView = MarkdownView;
    globalThis.view = new MarkdownView();
    document.querySelector("#sign-in").replaceChildren(view.element);
  })()`);
  return page;
}

async function frames(page: Page): Promise<void> {
  await page.evaluate(`(async () => {
    const shown = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let frame = 0; frame < 10; frame++) await shown();
  })()`);
}

async function texts(page: Page, selector: string): Promise<string[]> {
  return page.locator(".markdown").locator(selector).allInnerTexts();
}

async function headings(page: Page): Promise<string[]> {
  return page.evaluate(
    `[...view.element.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((one) => one.tagName + " " + one.textContent)`,
  );
}

/** Between a text that arrived in pieces, each shown before the next, and the same text at once. */
async function differences(page: Page, whole: string, pieces: readonly string[]): Promise<string[]> {
  return page.evaluate(`(async () => {
    const request = requestAnimationFrame;
    const [inPieces, atOnce] = [new MarkdownView(), new MarkdownView()];
    // A frame comes at once.
    let frame;
    globalThis.requestAnimationFrame = (callback) => { frame = callback; return 1; };
    for (const piece of ${JSON.stringify(pieces)}) {
      inPieces.append(piece);
      while (frame) { const now = frame; frame = undefined; now(); }
    }
    globalThis.requestAnimationFrame = request;
    inPieces.end();
    atOnce.set(${JSON.stringify(whole)});
    if (inPieces.text !== atOnce.text) return ["text"];
    const bare = (view) => {
      const copy = view.element.cloneNode(true);
      for (const code of copy.querySelectorAll("code")) {
        code.replaceChildren(code.textContent);
        code.removeAttribute("data-highlight");
        code.removeAttribute("data-highlighted");
      }
      copy.normalize();
      return copy;
    };
    const [one, other] = [bare(inPieces), bare(atOnce)];
    return one.isEqualNode(other) ? [] : [one.outerHTML, other.outerHTML];
  })()`);
}

/** Elements, attributes and addresses that are none of Markdown. */
async function foreign(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const elements = "A BLOCKQUOTE BR BUTTON CODE DEL DIV EM H2 H3 H4 H5 H6 HR LI OL P PRE SPAN STRONG TABLE TBODY TD TH THEAD TR UL".split(" ");
    const attributes = "aria-label class dir href rel role scope start tabindex target title type".split(" ");
    return [...view.element.querySelectorAll("*")].flatMap((one) => [
      ...(elements.includes(one.tagName) ? [] : [one.outerHTML]),
      ...[...one.attributes].filter(({ name }) => !attributes.includes(name) && !name.startsWith("data-")).map(({ name }) => name + " of " + one.outerHTML),
      ...(one.href === undefined || /^(?:https?|mailto):/.test(one.href) ? [] : [one.href]),
    ]);
  })()`);
}
