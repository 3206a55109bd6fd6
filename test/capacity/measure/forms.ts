import { type Form, forms, optionsOf } from "../../bench/private/forms.js";
import { seededRandom } from "../../bench/measure/random.js";
import { bytesIn, messagesIn } from "../workload/conversation.js";
import { type Owner, ownersOf } from "../workload/users.js";
import { englishOf, type WriteText } from "../workload/text.js";
import { world } from "../workload/world.js";
import { inLanes } from "./lanes.js";
import { startServer } from "./server.js";
import { type KindSize, sizesOf } from "./sizes.js";
import { store } from "./store.js";

/** What the same conversations take in one form. */
export interface FormSizes {
  readonly form: Form;
  readonly conversations: number;
  readonly messages: number;
  /** Bytes of text in a message. */
  readonly textBytes: number;
  /** `MEMORY USAGE` of the lists of messages, by the number of messages. */
  readonly messageBytes: number;
  /** `MEMORY USAGE` of a wrapped data key, of which each owner has one; 0 where nothing is sealed. */
  readonly dataKeyBytes: number;
  readonly sizes: readonly KindSize[];
}

const LANES = 16;
const SEED = 6;

/** Stores so many conversations of the large run's kind in each form, in English, and weighs every key. */
export async function measureForms(conversations: number, texts: WriteText = englishOf): Promise<FormSizes[]> {
  await using server = await startServer("one node", 1);
  const [client] = server.clients;
  if (client === undefined) throw new Error("No client.");
  const owners = [...ownersOf(conversations, world, seededRandom(SEED))];
  const turns = owners.flatMap(conversationsOf).flat();
  const messages = messagesIn(turns);
  const measured: FormSizes[] = [];
  for (const form of forms) {
    await server.nodes[0]?.flushall();
    const content = { ...optionsOf(form), texts };
    await inLanes(owners.entries(), LANES, ([index, owner]) =>
      // Random numbers of its own for each owner: in each form everybody says the same.
      store(client, owner, "conversation", seededRandom(index), content),
    );
    const sizes = await sizesOf(server.nodes, Number.POSITIVE_INFINITY, seededRandom(SEED));
    measured.push({
      form,
      conversations,
      messages,
      textBytes: bytesIn(turns) / messages,
      messageBytes: (bytesOf(sizes, "messages") + bytesOf(sizes, "standalone messages")) / messages,
      dataKeyBytes: sizes.find(({ kind }) => kind === "data key")?.meanBytes ?? 0,
      sizes,
    });
  }
  return measured;
}

function conversationsOf(owner: Owner) {
  return "userId" in owner ? owner.conversations : [owner.conversation];
}

function bytesOf(sizes: readonly KindSize[], wanted: KindSize["kind"]): number {
  return sizes.reduce((total, { kind, keys, meanBytes }) => (kind === wanted ? total + keys * meanBytes : total), 0);
}
