// P16: the process of an agent is killed between the model and the store of an edit. The old past is whole, and the thread,
// which is begun anew, misleads neither the repeated edit nor another turn.
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { sampleOf } from "../support/amount.js";
import { startLineProcess } from "../support/line-process.js";
import { ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { texts } from "../support/turns.js";
import { agentOn, callOf, type HeldEdit, type Persist } from "./support/editing-agent.js";
import { SessionPast } from "./support/session-past.js";

const { single: address } = inject("servers");
const all = ["Q: one", "first", "Q: two", "second"];
const edited = ["Q: one", "first", "Q: edited"];

describe.each(sampleOf<readonly Persist[]>("step", "turn"))(
  "persist: %s; the process of an edit is killed",
  (persist) => {
    let past: SessionPast;
    let edit: { operationId: string; replaces: string };
    beforeEach(async () => {
      past = await SessionPast.of(client, []);
      const agent = agentOn(past.store, new ScriptedModel("first", "second"), persist);
      for (const text of ["Q: one", "Q: two"]) await agent.invoke(say(text), callOf(past.session));
      edit = { operationId: "edit", replaces: await past.at("Q: two") };
    });
    afterEach(async () => {
      await past.store.close();
    });

    const say = (text: string) => ({ messages: [new HumanMessage(text)] });
    const thread = async (): Promise<string[]> => {
      const { graph } = agentOn(past.store, new ScriptedModel(""), persist);
      const { values } = await graph.getState(callOf(past.session));
      return texts((values as { messages?: BaseMessage[] }).messages ?? []);
    };
    /** What is stored of the conversation, byte by byte. */
    const conversation = async (): Promise<(Buffer | null)[]> =>
      Promise.all([past.keys.messages(past.id), past.keys.conversation(past.id)].map((key) => client.dumpBuffer(key)));

    /** Kills the process when the run waits, and the thread has what the model said. */
    const kill = async (waits: HeldEdit["waits"]): Promise<void> => {
      const editing = startLineProcess(new URL("support/editing-agent-process.ts", import.meta.url));
      try {
        const keyPrefix = past.keys.base.split(":")[0] ?? "";
        const order: HeldEdit = {
          address,
          keyPrefix,
          session: past.session,
          text: "Q: edited",
          persist,
          waits,
          ...edit,
        };
        editing.say(order);
        expect(await editing.hear()).toBe("waits");
        await expect.poll(thread).toEqual([...edited, "never"]);
      } finally {
        await editing.stop();
      }
    };

    test("before the store: the old past is there, byte by byte, and the edit takes place when it is repeated", async () => {
      const before = await conversation();
      await kill("before the store");
      expect(await conversation()).toEqual(before);
      expect(await past.stored()).toEqual(all);

      const model = new ScriptedModel("new");
      const state = await agentOn(past.store, model, persist).invoke(say("Q: edited"), callOf(past.session, edit));
      expect(model.given.map((given) => texts(given))).toEqual([edited]);
      for (const said of [texts(state.messages), await past.stored(), await thread()]) {
        expect(said).toEqual([...edited, "new"]);
      }
    });

    test("before the store: a turn that follows is shown the old past, and nothing of the edit", async () => {
      await kill("before the store");
      const model = new ScriptedModel("third");
      await agentOn(past.store, model, persist).invoke(say("Q: three"), callOf(past.session));
      expect(model.given.map((given) => texts(given))).toEqual([[...all, "Q: three"]]);
      for (const said of [await past.stored(), await thread()]) {
        expect(said).toEqual([...all, "Q: three", "third"]);
      }
    });

    test("the control: after the store, the new past is there", async () => {
      const before = await conversation();
      await kill("after the store");
      expect(await conversation()).not.toEqual(before);
      expect(await past.stored()).toEqual([...edited, "never"]);
    });
  },
);
