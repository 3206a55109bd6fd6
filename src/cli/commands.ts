import type { Command } from "./command.js";
import { conversations } from "./commands/conversations.js";
import { doctor } from "./commands/doctor.js";
import { end } from "./commands/end.js";
import { endEverybody } from "./commands/end-everybody.js";
import { erase } from "./commands/erase.js";
import { exportUser } from "./commands/export.js";
import { reseal } from "./commands/reseal.js";
import { rewrap } from "./commands/rewrap.js";
import { sessions } from "./commands/sessions.js";
import { show } from "./commands/show.js";
import { stats } from "./commands/stats.js";
import { users } from "./commands/users.js";

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [
  doctor,
  users,
  stats,
  sessions,
  conversations,
  show,
  end,
  endEverybody,
  exportUser,
  erase,
  reseal,
  rewrap,
];
