// How long this session has left. Every request renews the idle timeout, so the page reckons and does not ask: to ask
// would keep a session alive that nobody uses.
import { find } from "./dom.js";
import { onOtherTabs, tellOtherTabs } from "./other-tabs.js";
import { notice } from "./speaking.js";
import { remaining, roughlyRemaining } from "./time.js";

const WARNING = 60_000;
/** Less than this apart, two times are the same: an answer takes a moment to arrive. */
const SLACK = 2_000;

export class SessionClock {
  #api;
  #idle;
  #idleEndsAt;
  #lifetimeEndsAt;
  #dismissWarning;
  #asked = false;

  constructor(api) {
    this.#api = api;
    api.addEventListener("activity", () => {
      this.#renew();
      tellOtherTabs({ active: api.sessionId });
    });
    // The session is the same one: whoever uses it in one tab is not idle in the others.
    onOtherTabs(({ active }) => (active === api.sessionId ? this.#renew() : undefined));
    api.expiry = () => (Date.now() > this.#lifetimeEndsAt - SLACK ? "longest" : "idle");
  }

  /** A session that was verified this moment: its times are by the service's clock, what counts here is how far apart. */
  set(session) {
    const now = Date.parse(session.lastActivityAt);
    const lasts = (until) => Date.now() + Date.parse(until) - now;
    this.#lifetimeEndsAt = session.lifetimeEndsAt ? lasts(session.lifetimeEndsAt) : Infinity;
    this.#idle = session.idleTimeout ?? Math.max(this.#idle ?? 0, Date.parse(session.expiresAt) - now);
    this.#idleEndsAt = lasts(session.expiresAt);
    this.#asked = false;
    this.#show();
  }

  start() {
    const ticking = setInterval(() => this.#tick(), 1_000);
    this.#api.addEventListener("over", () => clearInterval(ticking), { once: true });
  }

  #renew() {
    if (this.#idle === undefined) return;
    this.#idleEndsAt = Math.min(Date.now() + this.#idle, this.#lifetimeEndsAt);
    this.#asked = false;
    this.#dismissWarning?.();
    this.#dismissWarning = undefined;
    this.#show();
  }

  #tick() {
    this.#show();
    const left = this.#idleEndsAt - Date.now();
    if (left <= Math.min(WARNING, this.#idle / 4)) this.#warn();
    // The service says when it is over; this is for when that does not arrive. What has expired is not renewed by asking.
    if (left < -SLACK && !this.#asked) void this.#ask();
  }

  async #ask() {
    this.#asked = true;
    try {
      const { session } = await this.#api.get("/session");
      this.set(session);
    } catch {
      // Over, which the page is told of, or away, which it sees.
    }
  }

  #warn() {
    if (this.#dismissWarning) return;
    const canStay = this.#idleEndsAt < this.#lifetimeEndsAt - 1_000;
    this.#dismissWarning = canStay
      ? notice("You will be signed out soon, because nothing has happened for a while.", {
          tone: "warning",
          action: { label: "Stay signed in", run: () => this.#ask() },
        })
      : notice("This session is about to reach its longest time. Sign in again to go on.", { tone: "warning" });
  }

  #show() {
    const now = Date.now();
    find("idle-left").textContent = remaining(this.#idleEndsAt - now);
    find("idle-left-short").textContent = roughlyRemaining(this.#idleEndsAt - now);
    find("lifetime-left").textContent = remaining(this.#lifetimeEndsAt - now);
    find("lifetime").hidden = this.#lifetimeEndsAt === Infinity;
  }
}
