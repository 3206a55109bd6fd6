import { accessSync, constants } from "node:fs";
import path from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

export async function launchChromium(...options: readonly string[]): Promise<Browser> {
  const root = process.getuid?.() === 0;
  return chromium.launch({ executablePath: chromiumPath(), args: [...options, ...(root ? ["--no-sandbox"] : [])] });
}

function chromiumPath(): string {
  const given = process.env["CHROMIUM_PATH"];
  if (given) return given;
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  const found = folders.flatMap((folder) => names.map((name) => path.join(folder, name))).find(isExecutable);
  if (found === undefined) throw new Error("No Chromium on the PATH; name one in CHROMIUM_PATH.");
  return found;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface HeldAnswer {
  readonly isHeld: boolean;
  readonly letGo: () => Promise<void>;
}

/** What a person sees and does, by the names that a screen reader would say. */
export class ChatPage {
  readonly page: Page;
  /** Errors that nobody caught, and what the page or its policy complained of. */
  readonly faults: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => this.faults.push(String(error)));
    page.on("console", (message) => {
      // Of a request that was refused or did not arrive the page tells the user.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        this.faults.push(message.text());
      }
    });
  }

  get field(): Locator {
    return this.page.getByRole("textbox", { name: "Message", exact: true });
  }

  get send(): Locator {
    return this.page.getByRole("button", { name: "Send", exact: true });
  }

  get stop(): Locator {
    return this.page.getByRole("button", { name: "Stop the answer" });
  }

  get answers(): Locator {
    return this.page.getByRole("article", { name: "Agent" });
  }

  get questions(): Locator {
    return this.page.getByRole("article", { name: "You" });
  }

  get list(): Locator {
    return this.page.getByRole("navigation", { name: "Conversations" });
  }

  get newConversation(): Locator {
    return this.page.getByRole("link", { name: "New conversation" });
  }

  /** What a question that the service did not answer offers. */
  get tryAgain(): Locator {
    return this.page.getByRole("button", { name: "Try again" });
  }

  get over(): Locator {
    return this.page.getByRole("alertdialog");
  }

  get panel(): Locator {
    return this.page.getByRole("dialog", { name: "Your session" });
  }

  get connection(): Locator {
    return this.page.locator("#connection");
  }

  /** One of the places where the user is signed in. */
  device(text: string): Locator {
    return this.panel.getByRole("listitem").filter({ hasText: text });
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole("button", { name });
  }

  conversation(title: string): Locator {
    return this.list.getByRole("link", { name: new RegExp(`^${title}`) });
  }

  /** Signed in, and told of it when the session ends. */
  async signIn(url: string, name = "Ada"): Promise<void> {
    await this.page.goto(url);
    await this.signInHere(name);
  }

  async signInHere(name = "Ada"): Promise<void> {
    const listening = this.page.waitForResponse((response) => response.url().endsWith("/session/events"));
    await this.button(new RegExp(`Sign in as ${name}`)).click();
    await listening;
    await this.field.waitFor();
  }

  /** Another tab of the same browser, signed in with the same session. */
  async duplicate(): Promise<ChatPage> {
    const opened = this.page.waitForEvent("popup");
    await this.page.evaluate("void open(location.href)");
    const tab = new ChatPage(await opened);
    await tab.field.waitFor();
    return tab;
  }

  /** An empty tab beside this one, at the same address. */
  async beside(): Promise<ChatPage> {
    const tab = new ChatPage(await this.page.context().newPage());
    await tab.page.goto(this.page.url());
    return tab;
  }

  /** As if the user looked at another tab, or came back to this one: headless Chromium takes all of them for visible. */
  async isLookedAt(visible: boolean): Promise<void> {
    await this.page.evaluate(`(() => {
      Object.defineProperty(document, "hidden", { configurable: true, value: ${!visible} });
      document.dispatchEvent(new Event("visibilitychange"));
    })()`);
  }

  /** When the JWT of the browser's sign-in runs out, in milliseconds since 1970. */
  async jwtEndsAt(): Promise<number> {
    const cookies = await this.page.context().cookies();
    const [, claims = ""] = cookies.find(({ name }) => name === "__Host-sign-in")?.value.split(".") ?? [];
    const { exp } = JSON.parse(Buffer.from(claims, "base64url").toString()) as { exp: number };
    return exp * 1_000;
  }

  async say(message: string): Promise<void> {
    await this.field.fill(message);
    await this.field.press("Enter");
  }

  /** Says it and waits for the whole answer. */
  async ask(message: string): Promise<string> {
    const before = await this.answers.count();
    await this.say(message);
    const answer = this.answers.nth(before);
    await answer.and(this.page.locator('[aria-busy="false"]')).waitFor();
    return (await answer.locator(".text").allInnerTexts()).join("\n\n");
  }

  /** Begins another conversation, and waits until it is there. */
  async begin(): Promise<void> {
    await this.newConversation.click();
    await this.page.getByRole("heading", { name: "What is on your mind?" }).waitFor();
  }

  /** Opens one of the list. */
  async openConversation(title: string): Promise<void> {
    await this.conversation(title).click();
    await this.page.getByRole("heading", { level: 1, name: title }).waitFor();
  }

  async deleteConversation(title: string): Promise<void> {
    await this.conversation(title).hover();
    await this.button(`Delete “${title}”`).click();
    await this.page
      .getByRole("dialog", { name: "Delete this conversation?" })
      .getByRole("button", { name: "Delete" })
      .click();
    await this.conversation(title).waitFor({ state: "detached" });
  }

  /** The service answers the next request of that kind at once, and the page hears of it once it is let go. */
  async holdAnswer(url: string | RegExp, changed: { status?: number } = {}): Promise<HeldAnswer> {
    let letGo = (): void => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    let given = (): void => {};
    const answered = new Promise<void>((resolve) => (given = resolve));
    const state = { isHeld: false };
    await this.page.route(
      url,
      async (route) => {
        const response = await route.fetch();
        state.isHeld = true;
        await held;
        await route.fulfill({ response, ...changed });
        given();
      },
      { times: 1 },
    );
    return {
      get isHeld() {
        return state.isHeld;
      },
      letGo: () => {
        letGo();
        return answered;
      },
    };
  }

  async openPanel(): Promise<void> {
    await this.button("Your session").click();
    await this.panel.getByText("this browser").waitFor();
  }
}

/** Another browser, as far as a server can tell. */
export async function openChatPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ chat: ChatPage; context: BrowserContext }> {
  const context = await browser.newContext({
    viewport: { width: 1200, height: 800 },
    reducedMotion: "reduce",
    ...options,
  });
  return { chat: new ChatPage(await context.newPage()), context };
}
