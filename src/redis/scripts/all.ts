import { ownedThings } from "../owned.js";
import type { AnyScript } from "../script/define.js";
import { appendToConversationScript } from "./conversation/append.js";
import { listConversationsScript } from "./conversation/list.js";
import { removeConversationScript } from "./conversation/remove.js";
import { renameConversationScript } from "./conversation/rename.js";
import { echoKeyScript } from "./echo-key.js";
import { appendScript } from "./history/append.js";
import { clearScript } from "./history/clear.js";
import { acquireLeaseScript } from "./lease/acquire.js";
import { releaseLeaseScript } from "./lease/release.js";
import { renewLeaseScript } from "./lease/renew.js";
import { appendItemScript } from "./memory/append.js";
import { incrementScript } from "./memory/increment.js";
import { readValuesScript } from "./memory/read.js";
import { removeValuesScript } from "./memory/remove.js";
import { scanValuesScript } from "./memory/scan.js";
import { setScript } from "./memory/set.js";
import { usageScript } from "./memory/usage.js";
import { createScript } from "./session/create.js";
import { endScript } from "./session/end.js";
import { endOwnerScript } from "./session/end-owner.js";
import { eraseScriptOf } from "./owner/erase.js";
import { listScript } from "./session/list.js";
import { rotateScript } from "./session/rotate.js";
import { updateScript } from "./session/update.js";
import { verifyScript } from "./session/verify.js";

/** Every script, for what looks at all of them: the lint, the ACL line, the page that prints them. */
export const scripts: readonly AnyScript[] = [
  appendScript,
  clearScript,
  acquireLeaseScript,
  renewLeaseScript,
  releaseLeaseScript,
  createScript,
  verifyScript,
  rotateScript,
  updateScript,
  listScript,
  endScript,
  endOwnerScript,
  eraseScriptOf(ownedThings),
  appendToConversationScript,
  listConversationsScript,
  renameConversationScript,
  removeConversationScript,
  setScript,
  incrementScript,
  appendItemScript,
  readValuesScript,
  scanValuesScript,
  removeValuesScript,
  usageScript,
  echoKeyScript,
];
